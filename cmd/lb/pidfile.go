package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pidFile is a file that holds the number of this process, for service managers and scripts.
type pidFile struct{ path string }

// writePIDFile puts the file in place whole: who reads it never finds half a number. An old one is replaced.
func writePIDFile(path string) (pidFile, error) {
	absolute, err := filepath.Abs(path)
	if err == nil {
		err = replaceFile(absolute, strconv.Itoa(os.Getpid())+"\n")
	}
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err // the path in it is of a temporary file
		}
		return pidFile{}, fmt.Errorf("pid file %s: %w", path, err)
	}
	return pidFile{absolute}, nil
}

func replaceFile(path, text string) (err error) {
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".lb-pid-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft.Name()))
		}
	}()
	_, err = draft.WriteString(text)
	err = errors.Join(err, draft.Chmod(0o644), draft.Close())
	if err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}

// restore puts our number back after a process that was to take over has put its own there.
func (p pidFile) restore() error {
	if p.path == "" {
		return nil
	}
	_, err := writePIDFile(p.path)
	return err
}

// remove takes the file away if it still is ours: after a hand-over the new process has put its own number there.
func (p pidFile) remove() {
	if p.path == "" {
		return
	}
	text, err := os.ReadFile(p.path)
	if err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(p.path) // nothing is left to be done about a failure at the end
	}
}

package actors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"lb/messages"
)

var errNotRegular = errors.New("not a regular file")

// ReadConfigFile returns the text of a configuration file, and of one that is too large a part that is too large. It
// waits for nobody: what is not a regular file is an error. The error is one line and names the file.
func ReadConfigFile(path string) (text []byte, err error) {
	if err := regular(os.Stat(path)); err != nil { // to open a device may have an effect
		return nil, unreadable(path, err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a FIFO by now
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	if err := regular(file.Stat()); err != nil {
		return nil, unreadable(path, err)
	}
	text, err = io.ReadAll(io.LimitReader(file, messages.MaxFileBytes+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return text, nil
}

// regular passes an error on, and is one when there is something else than a regular file.
func regular(stat fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return err
	case stat.IsDir():
		return syscall.EISDIR
	case !stat.Mode().IsRegular():
		return errNotRegular
	}
	return nil
}

// unreadable names the file once.
func unreadable(path string, err error) error {
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return fmt.Errorf("configuration file %s: %w", path, err)
}

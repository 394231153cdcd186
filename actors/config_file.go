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

// ReadConfigFile returns the text of a configuration file, and of one that is too large a part that is too large. The
// error is one line and names the file.
func ReadConfigFile(path string) (text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	if stat, err := file.Stat(); err == nil && stat.IsDir() {
		return nil, unreadable(path, syscall.EISDIR)
	}
	text, err = io.ReadAll(io.LimitReader(file, messages.MaxFileBytes+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return text, nil
}

// unreadable names the file once.
func unreadable(path string, err error) error {
	var inside *fs.PathError
	if errors.As(err, &inside) {
		err = inside.Err
	}
	return fmt.Errorf("configuration file %s: %w", path, err)
}

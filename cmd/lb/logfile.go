package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/rs/zerolog"
)

// logFile is the file of --log-file. It is opened again by its name when it was moved away to be kept.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File
}

// logMode lets others of the group read a log and nobody else: it names clients.
const logMode = 0o640

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

// Write implements io.Writer.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(line)
}

// reopen goes on in the file of that name. If that cannot be opened, the old one stays. Without a file there is nothing
// to do.
func (l *logFile) reopen() error {
	if l == nil {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, logMode)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	l.mu.Lock()
	old := l.file
	l.file = file
	l.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// openLogAt opens the log in a file, or on stdout when there is no path.
func (p *program) openLogAt(path string, level zerolog.Level) (*logbook, error) {
	if path == "" {
		return p.openLog(level), nil
	}
	file, err := openLogFile(path)
	if err != nil {
		return nil, err
	}
	l := newLogbook(file, logForm, level)
	l.file = file
	return l, nil
}

// reopen opens the log's file again. On stdout there is nothing to open.
func (l *logbook) reopen() {
	if l.file == nil {
		return
	}
	if err := l.file.reopen(); err != nil {
		l.Error().Str("logger", "lb").Err(err).Msg("the log goes on in the old file")
		return
	}
	l.Info().Str("logger", "lb").Msg("the log was opened again")
}

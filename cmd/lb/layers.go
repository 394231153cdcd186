package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"lb/actors"
	"lb/messages"
)

// layers is what flags and environment say; they win over a file, which wins over the defaults.
type layers struct {
	given    messages.Settings
	flags    []settingFlag      // those that were given
	backends []messages.Backend // of -b: a file does not take them away
}

// over lays the flags over other settings.
func (l layers) over(s messages.Settings) (messages.Settings, error) {
	for _, f := range l.flags {
		f.setting().Take(&s, l.given)
	}
	all := slices.Clone(l.backends)
	for _, b := range s.Config.Backends {
		if !l.has(b) {
			all = append(all, b)
		}
	}
	s.Config.Backends = all
	err := s.Config.Validate()
	if err == nil {
		err = checkFiles(s.Config.TLS)
	}
	return s, err
}

// has reports whether -b names the backend; what it says of weight and limit holds then.
func (l layers) has(b messages.Backend) bool {
	return slices.ContainsFunc(l.backends, func(own messages.Backend) bool { return own.ID() == b.ID() })
}

// merge lays the flags over a file.
func (l layers) merge(f messages.File) (messages.Settings, error) {
	return l.over(f.Settings)
}

// configFile is a configuration file as it was at the start.
type configFile struct {
	path    string
	text    []byte
	decoded messages.File
}

// openConfig reads a configuration file.
func openConfig(path string) (*configFile, error) {
	f := &configFile{path: path}
	var err error
	if f.text, err = actors.ReadConfigFile(path); err != nil {
		return nil, err
	}
	f.decoded, err = messages.DecodeConfig(f.text)
	return f, f.about(err)
}

// about names the file in an error that has its place in it.
func (f *configFile) about(err error) error {
	if fault := (*messages.FileError)(nil); errors.As(err, &fault) {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return err
}

// reloading is how the file is followed while lb runs; nil without one.
func (s settings) reloading() *actors.FileOptions {
	if s.file == nil {
		return nil
	}
	return &actors.FileOptions{Path: s.file.path, Text: s.file.text, Settings: s.Settings, Merge: s.layers.merge}
}

// hungUp is what SIGHUP orders: the file is read again. Without one it comes of a terminal that is gone, if lb ran in
// one; then it ends as by SIGTERM.
func (p *program) hungUp(b balancer, log *logbook) {
	switch {
	case b.Reload():
	case p.terminal:
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			log.Error().Str("logger", "lb").Err(err).Msg("SIGHUP: no end")
		}
	default:
		log.Warn().Str("logger", "lb").Msg("SIGHUP: there is no configuration file to read")
	}
}

package main

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"lb/messages"
)

// settings is all that the command line, the environment and the configuration file say.
type settings struct {
	messages.Settings
	layers layers
	mode   string
	pin    bool        // each worker process stays on one CPU
	file   *configFile // nil without -c
	level  zerolog.Level
	drain  time.Duration
	// drainDelay is how long new clients are still served after the order to end.
	drainDelay time.Duration
	// upgradeTimeout is how long a new process may take until it serves.
	upgradeTimeout time.Duration
	upgradeMove    bool   // idle connections go to the new process
	logFile        string // "" for stdout
	pidFile        string // "" for none
	doors          doorSettings
	trace          traceSettings
}

// processors are as many as the program may use: by the machine, its control group or GOMAXPROCS. Later it may have raised
// that number itself.
var processors = runtime.GOMAXPROCS(0)

// workers is the number of event loops.
func (s settings) workers() int {
	if s.Listen.Workers == 0 {
		return processors
	}
	return s.Listen.Workers
}

func (s settings) listen() listenOptions {
	return listenOptions{Host: s.Listen.Host, Port: s.Listen.Port, Workers: s.workers()}
}

// readSettings returns the settings, or the first fault as a usageError.
func readSettings(c *cli.Context) (settings, error) {
	r := reader{values: c}
	s := settings{
		layers:         r.layers(),
		level:          take(&r, "loglevel", parseLevel),
		drain:          take(&r, "drain-timeout", parseDrain),
		drainDelay:     take(&r, "drain-delay", parseDrain),
		upgradeMove:    take(&r, "upgrade-move", parseSwitch),
		upgradeTimeout: take(&r, "upgrade-timeout", messages.ParseDuration),
		mode:           take(&r, "mode", parseMode),
		pin:            c.Bool("pin"),
		logFile:        c.String("log-file"),
		pidFile:        c.String("pid-file"),
		doors:          doorSettings{take(&r, "admin", parseSocketAddress), c.String("control-socket")},
		trace:          r.trace(),
	}
	if r.err == nil && c.IsSet("config") {
		s.file, r.err = openConfig(c.String("config"))
	}
	if r.err != nil {
		return s, badUse(r.err)
	}
	var err error
	s.Settings, err = s.merge()
	return s, badUse(err)
}

// merge lays the command line over the file, if there is one.
func (s settings) merge() (messages.Settings, error) {
	if s.file != nil {
		merged, err := s.layers.merge(s.file.decoded)
		return merged, s.file.about(err)
	}
	if len(s.layers.backends) == 0 {
		return messages.Settings{}, errors.New("no backend: name one with -b host:port, or a file with -c FILE")
	}
	return s.layers.over(messages.DefaultSettings())
}

// reader remembers the first fault, so that the readers need no error of their own.
type reader struct {
	values *cli.Context
	err    error
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take reads the value of a flag by a function that is told the flag's name for its errors.
func take[T any](r *reader, flag string, parse func(subject, s string) (T, error)) T {
	value, err := parse("--"+flag, r.values.String(flag))
	r.keep(err)
	return value
}

// layers reads what was said of settings.
func (r *reader) layers() layers {
	l := layers{given: messages.DefaultSettings(), backends: r.backends()}
	for _, f := range settingFlags {
		if r.values.IsSet(f.name) {
			l.flags = append(l.flags, f)
			r.keep(f.setting().Read(&l.given, "--"+f.name, r.words(f)...))
		}
	}
	return l
}

func (r *reader) words(f settingFlag) []string {
	switch f.setting().Kind {
	case messages.List:
		return split(r.values.StringSlice(f.name))
	case messages.Switch:
		return []string{strconv.FormatBool(r.values.Bool(f.name))}
	}
	return []string{r.values.String(f.name)}
}

func (r *reader) backends() []messages.Backend {
	var backends []messages.Backend
	for _, word := range split(r.values.StringSlice("backend")) {
		b, err := messages.ParseBackend(word)
		r.keep(err)
		backends = append(backends, b)
	}
	return backends
}

// split divides values at spaces. An empty value stays one, so that it is found at fault and not lost.
func split(values []string) []string {
	var words []string
	for _, value := range values {
		fields := strings.Fields(value)
		if len(fields) == 0 {
			fields = []string{value}
		}
		words = append(words, fields...)
	}
	return words
}

// parseDrain reads what running exchanges get to finish in; 0s cuts them off.
func parseDrain(subject, s string) (time.Duration, error) {
	d, err := messages.ParseDuration(subject, s)
	if err == nil && (d < 0 || d > messages.MaxTimeout) {
		err = &messages.InvalidError{Subject: subject, Word: s, Why: "must be 0s to 720h"}
	}
	return d, err
}

func parsePort(subject, s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, &messages.InvalidError{Subject: subject, Word: s, Why: "must be 0 to 65535"}
	}
	return uint16(n), nil
}

func parseSwitch(subject, s string) (bool, error) {
	switch strings.ToLower(s) {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, &messages.InvalidError{Subject: subject, Word: s, Why: "must be on or off"}
}

func parseMode(subject, s string) (string, error) {
	word := strings.ToLower(s)
	if word == oneProcess || word == master {
		return word, nil
	}
	near := messages.Nearest(s, []string{oneProcess, master})
	return "", &messages.InvalidError{Subject: subject, Word: s, Why: "must be sp or mp", Nearest: near}
}

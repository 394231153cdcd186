package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"lb/messages"
	"lb/supervisor"
)

const (
	timeFormat = "2006-01-02T15:04:05.000Z07:00"
	// flushTime is how long the end of the process waits for a slow reader of the log.
	flushTime = time.Second
)

func nowUTC() time.Time { return time.Now().UTC() }

// levels are the words of --loglevel, and what they show: themselves and all that is worse.
var levels = []struct {
	word  string
	level zerolog.Level
}{
	{"err", zerolog.ErrorLevel},
	{"error", zerolog.ErrorLevel},
	{"warn", zerolog.WarnLevel},
	{"warning", zerolog.WarnLevel},
	{"info", zerolog.InfoLevel},
	{"debug", zerolog.DebugLevel},
}

func parseLevel(subject, s string) (zerolog.Level, error) {
	var words []string
	for _, l := range levels {
		if strings.EqualFold(l.word, s) {
			return l.level, nil
		}
		words = append(words, l.word)
	}
	why := "not one of err, warn, info, debug"
	return 0, &messages.InvalidError{Subject: subject, Word: s, Why: why, Nearest: messages.Nearest(s, words)}
}

// logbook is the log of the process: its writer, and the goroutines that it and others of the process run on.
type logbook struct {
	zerolog.Logger
	lines      *lineWriter
	level      *liveLevel
	goroutines *supervisor.Goroutines
	file       *logFile // nil: stdout
}

// openLog opens the log on stdout: lines of JSON, or text with colours when a person reads it.
func (p *program) openLog(level zerolog.Level) *logbook {
	if p.terminal {
		form := logForm
		form.together = 0 // it takes one line at a time
		return newLogbook(zerolog.ConsoleWriter{Out: p.stdout, TimeFormat: "15:04:05.000", NoColor: !p.colours()}, form, level)
	}
	return newLogbook(p.stdout, logForm, level)
}

func newLogbook(sink io.Writer, form lineForm, level zerolog.Level) *logbook {
	l := &logbook{goroutines: &supervisor.Goroutines{}, level: newLiveLevel(level)}
	l.lines = newLineWriter(sink, form, l.goroutines.Go)
	l.Logger = zerolog.New(l.lines).Sample(l.level).With().Timestamp().Logger()
	l.goroutines.Report = func(name string, value any, stack []byte) {
		l.Error().Str("logger", "lb").Str("goroutine", name).Interface("panic", value).Bytes("stack", stack).
			Msg("a goroutine ended by a panic")
	}
	return l
}

// close writes what waits.
func (l *logbook) close() { l.lines.Close(flushTime) }

// colours follows the convention that a NO_COLOR of any value turns them off.
func (p *program) colours() bool { return p.terminal && os.Getenv("NO_COLOR") == "" }

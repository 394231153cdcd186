package main

import (
	"sync/atomic"

	"github.com/rs/zerolog"
)

// liveLevel is the level from which on lines are logged. It can be changed while loggers made from one another are in use:
// zerolog's own level is a copy in each of them, but a sampler is shared.
type liveLevel struct{ level atomic.Int32 }

func newLiveLevel(level zerolog.Level) *liveLevel {
	l := &liveLevel{}
	l.level.Store(int32(level))
	return l
}

// Sample implements zerolog.Sampler: it is asked before a line costs anything.
func (l *liveLevel) Sample(level zerolog.Level) bool { return int32(level) >= l.level.Load() }

// word is the present level as --loglevel has it.
func (l *liveLevel) word() string {
	for _, known := range levels {
		if int32(known.level) == l.level.Load() {
			return known.word
		}
	}
	return levels[0].word
}

// set changes the level to the one that a word of --loglevel names.
func (l *liveLevel) set(word string) error {
	level, err := parseLevel("log level", word)
	if err == nil {
		l.level.Store(int32(level))
	}
	return err
}

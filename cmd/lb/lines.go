package main

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of lines that wait for a slow reader of the log.
const (
	maxQueuedLines = 4096
	maxQueuedBytes = 1 << 20
)

// lineWriter writes log lines to a sink that may be slow, full or dead, and never makes the one who logs wait for it.
// Each Write is one line. Lines that find the queue full, or that the sink refuses, are dropped and counted; a line that
// says how many takes their place as soon as the sink takes lines again. The order is kept.
type lineWriter struct {
	sink io.Writer // the writing goroutine's only
	form lineForm

	mu      sync.Mutex // never held while the sink is called
	queue   []queuedLine
	bytes   int    // of the queue
	lost    uint64 // lines dropped behind the last one queued
	dropped uint64 // in all
	closed  bool

	wake chan struct{} // holds one token when there is something to do
	done chan struct{} // closed when the writing goroutine has ended

	// The writing goroutine's only.
	unreported uint64
	torn       bool // the sink took a part of a line
}

type queuedLine struct {
	text []byte
	lost uint64 // lines dropped before this one
}

// lineForm is what a writer's lines are like.
type lineForm struct {
	lines, bytes int                       // that may wait
	fit          func(line []byte) []byte  // makes a line of its own that is short enough
	missing      func(lines uint64) []byte // says how many are missing
}

// logForm is that of the log.
var logForm = lineForm{
	lines: maxQueuedLines, bytes: maxQueuedBytes,
	fit: func(line []byte) []byte { return bytes.Clone(shorten(line, maxLine)) },
	missing: func(n uint64) []byte {
		var line bytes.Buffer
		log := zerolog.New(&line).With().Timestamp().Str("logger", "log").Logger()
		log.Warn().Uint64("lines", n).Msg("log lines dropped")
		return line.Bytes()
	},
}

// newLineWriter starts the writer of a log. spawn runs the function that it is given on a goroutine.
func newLineWriter(sink io.Writer, spawn func(name string, run func())) *lineWriter {
	return newWriter(sink, logForm, spawn)
}

func newWriter(sink io.Writer, form lineForm, spawn func(name string, run func())) *lineWriter {
	w := &lineWriter{sink: sink, form: form, wake: make(chan struct{}, 1), done: make(chan struct{})}
	spawn("line writer", w.run)
	return w
}

// Write queues one line, cut if it is too long, or drops it. It never waits and never fails.
func (w *lineWriter) Write(line []byte) (int, error) {
	text := w.form.fit(line)
	w.mu.Lock()
	if w.closed || len(w.queue) >= w.form.lines || w.bytes+len(text) > w.form.bytes {
		w.lost++
		w.dropped++
	} else {
		w.queue = append(w.queue, queuedLine{text, w.lost})
		w.bytes += len(text)
		w.lost = 0
	}
	w.mu.Unlock()
	w.signal()
	return len(line), nil
}

// Dropped returns how many lines were dropped so far.
func (w *lineWriter) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close writes what waits, for at most the given time, and reports whether all was written. Later lines are dropped.
func (w *lineWriter) Close(within time.Duration) bool {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.done:
		return true
	case <-timer.C:
		return false
	}
}

func (w *lineWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *lineWriter) run() {
	defer close(w.done)
	for range w.wake {
		for {
			line, more := w.next()
			if !more {
				break
			}
			w.put(line)
		}
		w.report()
		if w.finished() {
			return
		}
	}
}

func (w *lineWriter) next() (queuedLine, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.queue = nil // gives the memory of a burst back
		w.unreported += w.lost
		w.lost = 0
		return queuedLine{}, false
	}
	line := w.queue[0]
	w.queue = w.queue[1:]
	w.bytes -= len(line.text)
	return line, true
}

func (w *lineWriter) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && len(w.queue) == 0
}

func (w *lineWriter) put(line queuedLine) {
	w.unreported += line.lost
	w.report()
	if !w.send(line.text) {
		w.unreported++
		w.mu.Lock()
		w.dropped++
		w.mu.Unlock()
	}
}

// report says how many lines are missing. A report that cannot be written is tried again at the next line.
func (w *lineWriter) report() {
	if w.unreported == 0 {
		return
	}
	if w.send(w.form.missing(w.unreported)) {
		w.unreported = 0
	}
}

// send writes one line whole. Behind a line that was cut off in the middle it starts a new one first.
func (w *lineWriter) send(line []byte) bool {
	if w.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := w.sink.Write(line)
	w.torn = err != nil && (n > 0 || w.torn)
	return err == nil
}

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
	maxQueuedLines = 16384
	maxQueuedBytes = 4 << 20
)

// gatherTime is how long lines wait for others behind one that was written, so that a thousand of them cost a wake-up of
// the writing goroutine and some writes, and not that many of both. It is what a process that is killed may lose.
const gatherTime = 5 * time.Millisecond

// lineWriter writes log lines to a sink that may be slow, full or dead, and never makes the one who logs wait for it.
// Each Write is one line. Lines that find the queue full, or that the sink refuses, are dropped and counted; a line that
// says how many takes their place as soon as the sink takes lines again. The order is kept.
type lineWriter struct {
	sink io.Writer // the writing goroutine's only
	form lineForm

	mu      sync.Mutex // never held while the sink is called
	queue   []*batch
	lines   int    // of the queue
	bytes   int    // of the queue
	lost    uint64 // lines dropped behind the last one queued
	dropped uint64 // in all
	closed  bool

	wake   chan struct{} // holds one token when there is something to do
	ending chan struct{} // closed by Close
	done   chan struct{} // closed when the writing goroutine has ended

	// The writing goroutine's only.
	unreported uint64
	torn       bool // the sink took a part of a line
}

// lineForm is what a writer's lines are like.
type lineForm struct {
	lines, bytes int                       // that may wait
	together     int                       // bytes of lines that may go to the sink at once; 0: each alone
	fit          func(line []byte) []byte  // makes a line short enough
	missing      func(lines uint64) []byte // says how many are missing
}

// logForm is that of the log. What is written at once is whole among the lines of other processes in the same pipe.
var logForm = lineForm{
	lines: maxQueuedLines, bytes: maxQueuedBytes, together: maxLine,
	fit: func(line []byte) []byte { return shorten(line, maxLine) },
	missing: func(n uint64) []byte {
		var line bytes.Buffer
		log := zerolog.New(&line).With().Timestamp().Str("logger", "log").Logger()
		log.Warn().Uint64("lines", n).Msg("log lines dropped")
		return line.Bytes()
	},
}

// newLineWriter starts a writer. spawn runs the function that it is given on a goroutine.
func newLineWriter(sink io.Writer, form lineForm, spawn func(name string, run func())) *lineWriter {
	w := &lineWriter{
		sink: sink, form: form,
		wake: make(chan struct{}, 1), ending: make(chan struct{}), done: make(chan struct{}),
	}
	spawn("line writer", w.run)
	return w
}

// Write queues one line, cut if it is too long, or drops it. It never waits and never fails.
func (w *lineWriter) Write(line []byte) (int, error) {
	text := w.form.fit(line)
	w.mu.Lock()
	if w.closed || w.lines >= w.form.lines || w.bytes+len(text) > w.form.bytes {
		w.lost++
		w.dropped++
	} else {
		w.enqueue(text)
	}
	w.mu.Unlock()
	w.signal()
	return len(line), nil
}

// enqueue takes the mutex for granted.
func (w *lineWriter) enqueue(text []byte) {
	last := len(w.queue) - 1
	if last < 0 || w.lost > 0 || len(w.queue[last].text)+len(text) > w.form.together {
		w.queue = append(w.queue, newBatch(w.lost))
		w.lost = 0
		last++
	}
	w.queue[last].add(text)
	w.lines++
	w.bytes += len(text)
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
	if !w.closed {
		w.closed = true
		close(w.ending)
	}
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
		for b := w.next(); b != nil; b = w.next() {
			w.put(b)
		}
		w.report()
		if w.finished() {
			return
		}
		w.gather()
	}
}

// gather waits until there may be more lines than one.
func (w *lineWriter) gather() {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.ending:
	}
}

func (w *lineWriter) next() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.queue = nil // gives the memory of a burst back
		w.unreported += w.lost
		w.lost = 0
		return nil
	}
	b := w.queue[0]
	w.queue = w.queue[1:]
	w.lines -= len(b.ends)
	w.bytes -= len(b.text)
	return b
}

func (w *lineWriter) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && len(w.queue) == 0
}

func (w *lineWriter) put(b *batch) {
	w.unreported += b.lost
	w.report()
	if n, whole := w.send(b.text); !whole {
		lost := b.linesBehind(n)
		w.unreported += lost
		w.mu.Lock()
		w.dropped += lost
		w.mu.Unlock()
	}
	b.free()
}

// report says how many lines are missing. A report that cannot be written is tried again at the next line.
func (w *lineWriter) report() {
	if w.unreported == 0 {
		return
	}
	if _, whole := w.send(w.form.missing(w.unreported)); whole {
		w.unreported = 0
	}
}

// send writes lines, and tells how many bytes of them the sink took. Behind a line that was cut off in the middle it starts
// a new one first.
func (w *lineWriter) send(lines []byte) (n int, whole bool) {
	if w.torn {
		if _, err := w.sink.Write([]byte{'\n'}); err != nil {
			return 0, false
		}
		w.torn = false
	}
	n, err := w.sink.Write(lines)
	w.torn = err != nil && n > 0 && lines[n-1] != '\n'
	return n, err == nil
}

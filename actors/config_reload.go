package actors

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"lb/messages"
)

// FileOptions are about a configuration file that is reloaded whenever it changes.
type FileOptions struct {
	Path string
	// Text is what was read at the start, Settings what came of it.
	Text     []byte
	Settings messages.Settings
	// Merge makes the settings that hold from those of a file, or says why they cannot be served.
	Merge func(messages.File) (messages.Settings, error)
}

// reloads decides what it means that the file was read. It has no clock and reads no file, and it outlives the actor
// that asks it.
type reloads struct {
	FileOptions
	start  messages.Settings // fixed settings keep these values
	seen   []byte            // the last text that was looked at, right or wrong
	fault  error             // of that text; nil: it is right
	status messages.ConfigStatus

	readings uint64 // ordered so far
}

// errUnfinished is the fault of a text while it is looked at: should that fail, it has not become the configuration.
var errUnfinished = errors.New("what the configuration file says could not be taken in")

// verdict is what follows from a reading.
type verdict struct {
	err       error    // the file is no good, and the old configuration stays
	news      bool     // what is said here was not said of the reading before
	recovered bool     // the file was no good before
	changes   []string // what is different now
	fixed     []string // what would be, had lb been started with the file
}

// text tells whoever ordered the reading what came of it; "" when the file is no good.
func (v verdict) text() string {
	var parts []string
	switch {
	case v.err != nil:
		return ""
	case len(v.changes) > 0:
		parts = append(parts, "configuration changed: "+strings.Join(shortened(v.changes), ", "))
	case len(v.fixed) == 0:
		return "the configuration file changes nothing"
	}
	if len(v.fixed) > 0 {
		parts = append(parts, "takes effect at the next start only: "+strings.Join(v.fixed, ", "))
	}
	return strings.Join(parts, "; ")
}

func newReloads(o FileOptions, now time.Time) *reloads {
	return &reloads{
		FileOptions: o, start: o.Settings, seen: o.Text,
		status: messages.ConfigStatus{File: o.Path, Generation: 1, LastSuccess: now},
	}
}

// take looks at a reading: a text, or why there is none.
func (r *reloads) take(text []byte, err error, now time.Time) verdict {
	if err != nil {
		return r.missing(err)
	}
	if r.seen != nil && bytes.Equal(text, r.seen) {
		return r.same()
	}
	r.seen, r.fault = text, errUnfinished
	file, err := messages.DecodeConfig(text)
	if err != nil {
		return r.refuse(err)
	}
	settings, err := r.Merge(file)
	if err != nil {
		return r.refuse(err)
	}
	return r.accept(settings, now)
}

// same is for a text that is known already, and known to be right or not.
func (r *reloads) same() verdict { return verdict{err: r.fault} }

// missing counts once that there is no text, however often it is looked for.
func (r *reloads) missing(err error) verdict {
	r.seen = nil
	if r.status.LastError == err.Error() {
		return verdict{err: err}
	}
	return r.refuse(err)
}

// refuse counts a text that is no good. Another one with the same fault is another one to whoever edits the file.
func (r *reloads) refuse(err error) verdict {
	r.status.Refused++
	r.fault, r.status.LastError = err, err.Error()
	return verdict{err: err, news: true}
}

func (r *reloads) accept(s messages.Settings, now time.Time) verdict {
	v := verdict{
		recovered: r.status.LastError != "",
		changes:   messages.Changes(r.Settings, s),
		fixed:     messages.FixedChanges(r.start, s),
	}
	r.fault, r.status.LastError = nil, ""
	if len(v.changes) > 0 {
		r.Settings = s
		r.status.Generation++
		r.status.Applied++
		r.status.LastSuccess = now
	}
	v.news = v.recovered || len(v.changes) > 0 || len(v.fixed) > 0
	return v
}

// pace tells when a file that is being written is left in peace. A directory in which something happens all the time
// does not put a reading off for ever.
type pace struct{ first, last time.Time }

const (
	quiet   = 100 * time.Millisecond
	longest = 500 * time.Millisecond
)

// touch notes an event.
func (p *pace) touch(now time.Time) {
	if p.first.IsZero() {
		p.first = now
	}
	p.last = now
}

// rest is how long to wait from now on; 0 or less: not at all.
func (p *pace) rest(now time.Time) time.Duration {
	return min(p.last.Add(quiet).Sub(now), p.first.Add(longest).Sub(now))
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// wrongAnswer is one that is not what was asked for. Nothing explains it.
type wrongAnswer struct{ what string }

// Error implements error.
func (w *wrongAnswer) Error() string { return w.what }

// otherStatus is an answer with a status that tells of a failure.
type otherStatus struct {
	code int
	why  string // Proxy-Status
}

// Error implements error.
func (s *otherStatus) Error() string { return fmt.Sprintf("status %d: %s", s.code, s.why) }

// errCrossed is the end of a kept connection before a byte of the answer: request and end have crossed. lb has promised
// to give no occasion to that: whoever waits is told first, or handed over.
var errCrossed = errors.New("closed while the request was on its way")

// wordOf is the word for how a request ended.
func wordOf(err error) string {
	var wrong *wrongAnswer
	var status *otherStatus
	switch {
	case err == nil:
		return "answered"
	case errors.As(err, &wrong):
		return "wrong"
	case errors.As(err, &status):
		return strconv.Itoa(status.code)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "late"
	case errors.Is(err, errCrossed):
		return "crossed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "cut"
	}
	return "failed"
}

// trouble is what was done to an lb, and which ends of requests it explains.
type trouble struct {
	name    string
	explain []string
	began   time.Time
	ended   time.Time // zero while it lasts
}

// What explains what. Reloads and upgrades explain nothing, and nothing explains a wrong answer or a refused
// connection.
var (
	ofOrigins    = []string{"502", "503", "504", "cut", "reset"}
	ofWorkers    = []string{"cut", "reset", "crossed"}
	ofStarvation = []string{"502", "503", "504", "408", "cut", "reset", "late"}
)

// afterEffect is how long after its end a trouble may still be felt, by connections that have died unnoticed.
const afterEffect = 1500 * time.Millisecond

func (t *trouble) covers(word string, began, ended time.Time) bool {
	return slices.Contains(t.explain, word) && !t.began.After(ended) &&
		(t.ended.IsZero() || t.ended.Add(afterEffect).After(began))
}

// ending counts requests of a kind by their end, and by the trouble that explains it; "" for no trouble.
type ending struct{ kind, word, trouble string }

// tally is what became of all requests.
type tally struct {
	mu       sync.Mutex
	troubles []*trouble
	counts   map[ending]int
	samples  []string // the first failures of each kind that nothing explains
	times    []timing // of the requests whose latency is measured
}

// timing is the latency of one request.
type timing struct {
	due  time.Time
	took time.Duration
}

func newTally() *tally { return &tally{counts: map[ending]int{}} }

// begin notes that something is about to be done; the function that it returns notes the end.
func (t *tally) begin(name string, explain []string) (end func()) {
	one := &trouble{name: name, explain: explain, began: time.Now()}
	t.add(one)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		one.ended = time.Now()
	}
}

func (t *tally) add(one *trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.troubles = append(t.troubles, one)
}

// note takes the end of a request.
func (t *tally) note(kind string, err error, began time.Time) {
	now := time.Now()
	e := ending{kind: kind, word: wordOf(err)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		e.trouble = t.explained(e.word, began, now)
	}
	t.counts[e]++
	if err != nil && e.trouble == "" && t.counts[e] <= 3 {
		t.samples = append(t.samples, fmt.Sprintf("%s %s after %v: %s: %v",
			now.Format("15:04:05.000"), kind, now.Sub(began).Round(time.Millisecond), e.word, err))
	}
}

// explained is the latest trouble that does; starvation where nothing else does.
func (t *tally) explained(word string, began, ended time.Time) (name string) {
	for _, one := range slices.Backward(t.troubles) {
		if !one.covers(word, began, ended) {
			continue
		}
		if name = one.name; name != starved {
			break
		}
	}
	return name
}

// measure takes the latency of a request, unless something was wrong with a backend or a worker meanwhile.
func (t *tally) measure(due time.Time) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range slices.Backward(t.troubles) {
		if len(one.explain) > 0 && (one.ended.IsZero() || one.ended.Add(afterEffect).After(due)) {
			return
		}
	}
	t.times = append(t.times, timing{due, now.Sub(due)})
}

// unexplained counts the failures for which there is no reason.
func (t *tally) unexplained() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e, times := range t.counts {
		if e.word != "answered" && e.trouble == "" {
			n += times
		}
	}
	return n
}

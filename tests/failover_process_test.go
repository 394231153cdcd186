package tests

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// Processes are stopped, continued and killed while clients send requests all the time, each on a connection that is kept.
// Whatever was on its way to a process is repeated elsewhere, and no client notices.
func TestClientsNoticeNothingOfProcessesThatComeAndGo(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	stopped, killed, steady := startProcess(t), startProcess(t), startReplica(t)
	b := start(t, watched(nil, stopped.addr, killed.addr, steady.addr))
	clients := startCrowd(t, b, 8)
	for range 2 {
		turns := b.turns(stopped.addr, "up", "down")
		stopped.signal(t, syscall.SIGSTOP)
		b.awaitTurns(t, stopped.addr, "up", "down", turns+1)
		clients.goesOn(t)
		stopped.signal(t, syscall.SIGCONT)
		b.awaitTurns(t, stopped.addr, "down", "up", turns+1)
		clients.goesOn(t)
	}
	killed.signal(t, syscall.SIGKILL)
	b.awaitTurn(t, killed.addr, "up", "down")
	clients.goesOn(t)
	clients.stop()
	if failed := clients.failures(); len(failed) > 0 {
		t.Errorf("%d of 8 clients got no answer: %v", len(failed), failed)
	}
}

// A backend that answers, but too slowly for its probes, is taken out without a failed request, and comes back when it is
// faster. What is slow for requests only stays.
func TestSlowBackends(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	ailing, slow, steady := startReplica(t), startReplica(t), startReplica(t)
	ailing.answer(delayed(healthPath, ailing, time.Minute))
	slow.answer(delayed("/", slow, 100*time.Millisecond))
	b := start(t, settings{
		backends: addresses([]*replica{ailing, slow, steady}), health: true,
		responseTimeout: patience, // more than others have: a busy machine makes everybody slow
		args:            []string{"--health-path", healthPath, "--health-interval", "200ms", "--health-timeout", "1s"},
	})
	clients := startCrowd(t, b, 8)
	b.awaitTurn(t, ailing.addr, "up", "down")
	clients.goesOn(t)
	ailing.recover(t)
	b.awaitTurn(t, ailing.addr, "down", "up")
	clients.goesOn(t)
	clients.stop()
	if failed := clients.failures(); len(failed) > 0 {
		t.Errorf("%d of 8 clients got no answer: %v", len(failed), failed)
	}
	if b.turned(slow.addr, "up", "down") || slow.requests.Load() == 0 {
		t.Errorf("the slow backend went down, or got no request: %d", slow.requests.Load())
	}
}

// delayed answers on one path after a time.
func delayed(path string, r *replica, by time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == path {
			select {
			case <-time.After(by):
			case <-request.Context().Done():
				return
			}
		}
		w.Write([]byte(r.addr))
	}
}

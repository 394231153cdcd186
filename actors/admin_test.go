package actors

import (
	"net"
	"net/http"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/supervisor"
)

// At the end the sockets may be closed before the actor stops, when time is up say. That is an order and no fault.
func TestClosedDoorsAreNotAFault(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	system, log := supervisor.NewSystem(supervisor.Options{}), &safeBuffer{}
	_, err = system.Spawn(system.Props(func() actor.Actor {
		return &admin{
			system: system, log: zerolog.New(log),
			doors: []door{{"pages", l, http.NotFoundHandler()}},
		}
	}), "admin")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + l.Addr().String()) // it is served by now
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	_ = l.Close()
	if err := system.Goroutines.Wait(reloadWithin); err != nil { // the server ends without the actor
		t.Error(err)
	}
	if err := system.Shutdown(reloadWithin); err != nil {
		t.Error(err)
	}
	if log.String() != "" {
		t.Errorf("log:\n%s", log)
	}
}

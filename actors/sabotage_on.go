//go:build lbfault

package actors

import (
	"net/http"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// sabotage takes one order more: POST /fail?actor=backends makes the actor of that id panic. Only builds for tests have it.
func (c *control) sabotage(mux *http.ServeMux) {
	mux.HandleFunc("POST /fail", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("actor")
		c.survey.system.Root.Send(actor.NewPID(c.survey.system.Address(), id), supervisor.Sabotage(id+" was to fail"))
		writeJSON(w, http.StatusOK, map[string]string{"done": id + " is to fail"})
	})
}

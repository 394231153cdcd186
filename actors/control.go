package actors

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/messages"
)

// maxOrder bounds the body of an order, in bytes.
const maxOrder = 4 << 10

// control takes orders, as HTTP over a unix socket that only its owner may open, beside the pages of the admin. An order
// is a POST of a JSON object with the fields that it needs; the answer is one with "done" or "error".
//
//	POST /drain    {"backend":"127.0.0.1:9001"}             it finishes what it has and gets nothing new
//	POST /enable   {"backend":"127.0.0.1:9001"}             it gets requests again
//	POST /weight   {"backend":"127.0.0.1:9001","weight":3}  0: the configured weight
//	POST /reload   {}                                       the configuration file is read now
//	POST /loglevel {"level":"debug"}
//	POST /workers  {"workers":4}                            there are so many from now on
//	POST /upgrade  {}                                       another process takes over, of the file on disk
//	POST /stop     {"within":"30s"}                         all ends after what runs, or after that time
type control struct {
	survey  *survey
	workers *actor.PID
	options AdminOptions
	log     zerolog.Logger
}

// order is the form of all orders.
type order struct {
	Backend string `json:"backend"`
	Weight  int    `json:"weight"`
	Level   string `json:"level"`
	Within  string `json:"within"`
	Workers int    `json:"workers"`
}

// standardStop is what running exchanges get to finish in when neither the order nor the options say.
const standardStop = 30 * time.Second

var (
	errUnknownLevels = errors.New("the log level cannot be changed")
	errNoResize      = errors.New("the number of workers cannot be changed")
	errNoUpgrade     = errors.New("no other process can take over")
	errManyOrders    = errors.New("order: something stands behind it")
	errNoFile        = errors.New("there is no configuration file to read")
)

func (c *control) pages() *http.ServeMux {
	mux := c.survey.pages()
	for name, carryOut := range map[string]func(order) (string, error){
		"drain": c.drain, "enable": c.enable, "weight": c.weigh, "reload": c.reload, "loglevel": c.level,
		"workers": c.resize,
	} {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) { c.take(w, r, name, carryOut) })
	}
	mux.HandleFunc("POST /stop", c.stop)
	c.sabotage(mux)
	mux.HandleFunc("POST /upgrade", c.upgrade)
	return mux
}

// take reads an order, has it carried out, and logs it: it changes what the balancer does.
func (c *control) take(w http.ResponseWriter, r *http.Request, name string, carryOut func(order) (string, error)) {
	o, err := readOrder(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	done, err := carryOut(o)
	switch {
	case errors.Is(err, errNoAnswer):
		refuse(w, http.StatusGatewayTimeout, err)
		return
	case err != nil:
		refuse(w, http.StatusConflict, err)
		return
	}
	c.log.Info().Str("order", name).Str("done", done).Msg("an order was carried out")
	writeJSON(w, http.StatusOK, map[string]string{"done": done})
}

func readOrder(w http.ResponseWriter, r *http.Request) (o order, err error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, fmt.Errorf("order: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return o, errManyOrders
	}
	return o, nil
}

func refuse(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func (c *control) drain(o order) (string, error) {
	id := backendID(o.Backend)
	return id + " is draining", c.survey.order("backends", messages.DrainBackend{ID: id})
}

func (c *control) enable(o order) (string, error) {
	id := backendID(o.Backend)
	return id + " is enabled", c.survey.order("backends", messages.EnableBackend{ID: id})
}

func (c *control) weigh(o order) (string, error) {
	id := backendID(o.Backend)
	done := fmt.Sprintf("%s has the weight %d", id, o.Weight)
	if o.Weight == 0 {
		done = id + " has its configured weight"
	}
	return done, c.survey.order("backends", messages.WeighBackend{ID: id, Weight: o.Weight})
}

func (c *control) reload(order) (string, error) {
	done, err := c.survey.outcome("config", messages.ReloadConfig{})
	if errors.Is(err, actor.ErrDeadLetter) {
		err = errNoFile
	}
	return done, err
}

func (c *control) level(o order) (string, error) {
	if c.options.SetLevel == nil {
		return "", errUnknownLevels
	}
	return "the log level is " + o.Level, c.options.SetLevel(o.Level)
}

func (c *control) resize(o order) (string, error) {
	if c.options.Resize == nil {
		return "", errNoResize
	}
	return fmt.Sprintf("there are %d workers", o.Workers), c.options.Resize(o.Workers)
}

// stop answers before it begins: when nothing runs, the end comes at once.
func (c *control) stop(w http.ResponseWriter, r *http.Request) {
	o, err := readOrder(w, r)
	within := cmp.Or(c.options.StopWithin, standardStop)
	if err == nil && o.Within != "" {
		within, err = messages.ParseDuration("within", o.Within)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"done": "draining, for " + within.String() + " at most"})
	if err := http.NewResponseController(w).Flush(); err != nil {
		c.log.Warn().Err(err).Msg("who ordered the stop is gone")
	}
	c.log.Info().Str("order", "stop").Dur("within_ms", within).Msg("draining")
	if c.options.Stop != nil {
		c.options.Stop(within)
		return
	}
	c.survey.system.Root.Send(c.workers, messages.Drain{Within: within})
}

// upgrade answers when another process has taken over, or has failed to: that may take longer than other orders do.
func (c *control) upgrade(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		c.log.Warn().Err(err).Msg("an answer may be cut off")
	}
	c.take(w, r, "upgrade", func(order) (string, error) {
		if c.options.Upgrade == nil {
			return "", errNoUpgrade
		}
		pid, err := c.options.Upgrade()
		return fmt.Sprintf("process %d has taken over", pid), err
	})
}

// backendID is the identity of a backend, however it was written.
func backendID(word string) string {
	if b, err := messages.ParseBackend(word); err == nil {
		return b.ID()
	}
	return word
}

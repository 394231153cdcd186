package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/actors/health"
	"lb/messages"
	"lb/supervisor"
)

// stage is the backends actor with all below it, between a world and workers that the test plays. It is used in a bubble of
// synctest: time passes only when all is quiet.
type stage struct {
	t        *testing.T
	system   *supervisor.System
	backends *actor.PID
	config   messages.Config

	mu        sync.Mutex
	snapshots []*messages.Snapshot
	sick      map[string]messages.Reason // IDs that fail their probes
	probes    map[string]int             // by ID
	began     map[string]time.Time       // of the first probe, by ID
	names     map[string]record
	lookups   int
	log       bytes.Buffer
	poison    string                   // a log line with it panics
	known     []messages.BackendRecord // from a process before this one
}

// record is what a name has, for how long, and how long it takes to say so.
type record struct {
	addresses []netip.Addr
	services  []Service
	holds     time.Duration
	takes     time.Duration
}

// play runs a test on a stage in a bubble.
func play(t *testing.T, config messages.Config, test func(s *stage)) {
	t.Helper()
	playNamed(t, config, nil, test)
}

func playNamed(t *testing.T, config messages.Config, names map[string]record, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{
			t: t, config: config, names: names,
			sick: make(map[string]messages.Reason), probes: make(map[string]int), began: make(map[string]time.Time),
		}
		if s.names == nil {
			s.names = make(map[string]record)
		}
		s.raise()
		defer s.fall()
		test(s)
	})
}

func (s *stage) raise() {
	s.system = supervisor.NewSystem(supervisor.Options{})
	workers, err := s.system.Spawn(s.system.Props(func() actor.Actor { return actor.ReceiveFunc(s.receive) }), "workers")
	if err != nil {
		s.t.Fatal(err)
	}
	known := newLedger(s.config)
	known.adopt(s.known)
	s.backends, err = s.system.Spawn(s.system.Props(func() actor.Actor {
		b := newBackends(s.system, workers, Options{Resolver: s, Log: zerolog.New(s)}, known)
		b.check = s.check
		return b
	}), "backends")
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
}

// fall ends the actors. What they leave running would keep the bubble from ending.
func (s *stage) fall() {
	if err := s.system.Shutdown(time.Minute); err != nil {
		s.t.Error(err)
	}
	if err := s.system.Goroutines.Wait(time.Minute); err != nil {
		s.t.Error(err)
	}
}

func (s *stage) receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Snapshot); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.snapshots = append(s.snapshots, m)
	}
}

// check plays the probes.
func (s *stage) check(_ context.Context, t target) (health.Probe, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := t.backend.ID()
	if s.probes[id]++; s.probes[id] == 1 {
		s.began[id] = time.Now()
	}
	reason, sick := s.sick[id]
	if sick && reason == messages.ProxyInternalError {
		panic("a fault of the prober's own")
	}
	return health.Probe{Reason: reason, Status: 200}, true
}

// Addresses implements Resolver.
func (s *stage) Addresses(_ context.Context, host string) ([]netip.Addr, time.Duration, error) {
	a, err := s.ask(host)
	return a.addresses, a.holds, err
}

// Services implements Resolver.
func (s *stage) Services(_ context.Context, name string) ([]Service, time.Duration, error) {
	a, err := s.ask(name)
	return a.services, a.holds, err
}

func (s *stage) ask(name string) (record, error) {
	s.mu.Lock()
	a, known := s.names[name]
	s.lookups++
	s.mu.Unlock()
	time.Sleep(a.takes) // of the bubble
	if !known {
		return a, errors.New("no such name")
	}
	return a, nil
}

// Write implements io.Writer for the log.
func (s *stage) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if poison := s.poison; poison != "" && bytes.Contains(line, []byte(poison)) {
		s.poison = ""
		panic("poisoned")
	}
	return s.log.Write(line)
}

func (s *stage) name(name string, a record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = a
}

func (s *stage) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}

func (s *stage) fail(id string, reason messages.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sick[id] = reason
}

func (s *stage) cure(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sick, id)
}

// pass lets time of the bubble go by.
func (s *stage) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *stage) tell(message any) {
	s.system.Root.Send(s.backends, message)
	synctest.Wait()
}

// order asks for something to be done and returns the error.
func (s *stage) order(message any) error {
	s.t.Helper()
	result, err := s.system.Root.RequestFuture(s.backends, message, time.Minute).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	return result.(messages.Done).Err
}

func (s *stage) statuses() []messages.BackendStatus {
	s.t.Helper()
	result, err := s.system.Root.RequestFuture(s.backends, messages.BackendsAsked{}, time.Minute).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return result.([]messages.BackendStatus)
}

func (s *stage) reload(backends ...string) {
	s.t.Helper()
	s.config.Backends = parsed(s.t, backends...)
	s.tell(messages.ConfigChanged{Config: s.config})
}

func (s *stage) outcomes(id string, reasons ...messages.Reason) {
	for _, r := range reasons {
		s.system.Root.Send(s.backends, messages.Outcome{Backend: id, Reason: r, Began: time.Now()})
	}
	synctest.Wait()
}

// published is the number of snapshots so far.
func (s *stage) published() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.snapshots)
}

// want demands what the last snapshot says: "ID state" for each member, with addresses and share where they tell something.
func (s *stage) want(members ...string) {
	s.t.Helper()
	got := s.picture()
	if strings.Join(got, "\n") != strings.Join(members, "\n") {
		s.t.Errorf("the last snapshot has\n  %s\nwant\n  %s\nlog:\n%s",
			strings.Join(got, "\n  "), strings.Join(members, "\n  "), s.lines())
	}
}

func (s *stage) picture() (got []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.snapshots) == 0 {
		return []string{"no snapshot"}
	}
	for _, m := range s.snapshots[len(s.snapshots)-1].Members {
		line := fmt.Sprintf("%v %v", m.Backend, m.State)
		if m.Share != 100 {
			line += fmt.Sprintf(" %d%%", m.Share)
		}
		if _, err := netip.ParseAddr(m.Backend.Host); err != nil {
			line += fmt.Sprint(" ", m.Addresses)
		}
		got = append(got, line)
	}
	return got
}

func (s *stage) lines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *stage) probed(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probes[id]
}

// child is an actor below backends; restarted waits for nothing, and says how often it was started again.
func (s *stage) child(path string) *actor.PID { return s.system.NewLocalPID("backends/" + path) }

func (s *stage) restarts(id string) int {
	found := -1
	var search func([]*supervisor.Node)
	search = func(nodes []*supervisor.Node) {
		for _, n := range nodes {
			if n.ID == id {
				found = n.Restarts
			}
			search(n.Children)
		}
	}
	search(s.system.Tree())
	return found
}

func config(t *testing.T, backends ...string) messages.Config {
	t.Helper()
	c := messages.DefaultConfig()
	c.Backends = parsed(t, backends...)
	return c
}

func parsed(t *testing.T, backends ...string) (list []messages.Backend) {
	t.Helper()
	for _, word := range backends {
		b, err := messages.ParseBackend(word)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

func addresses(words ...string) (list []netip.Addr) {
	for _, word := range words {
		list = append(list, netip.MustParseAddr(word))
	}
	return list
}

package supervisor_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// diary notes what happens, from any goroutine.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) Write(line []byte) (int, error) {
	d.note("%s", strings.TrimSpace(string(line)))
	return len(line), nil
}

// take returns the lines so far and begins anew.
func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	if got := d.take(); !slices.Equal(got, lines) {
		t.Errorf("diary\n got %q\nwant %q", got, lines)
	}
}

// parent embeds the strategy under test and spawns what it is given.
type parent struct {
	supervisor.Strategy
	children map[string]*actor.Props
	pids     map[string]*actor.PID
	do       func(ctx actor.Context)
}

func (p *parent) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		for name, props := range p.children {
			p.pids[name], _ = ctx.SpawnNamed(props, name)
		}
	}
	if order, ok := ctx.Message().(func(actor.Context)); ok {
		order(ctx)
	}
	if p.do != nil {
		p.do(ctx)
	}
}

// world is an actor system with one parent, whose hooks write a diary.
type world struct {
	*supervisor.System
	hooks  diary
	log    diary
	caught diary
	lord   *parent
	pid    *actor.PID
}

// newWorld must be called in a bubble; props gets the system to make the children's props from.
func newWorld(t *testing.T, props func(*supervisor.System) map[string]*actor.Props, more ...actor.PropsOption) *world {
	t.Helper()
	w := &world{}
	w.System = supervisor.NewSystem(supervisor.Options{
		Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Caught: func(f supervisor.Failure) { w.caught.note("%s: %s during %s", f.Actor, f.Text, f.Received) },
	})
	pids := make(map[string]*actor.PID)
	children := props(w.System)
	pid, err := w.Spawn(w.Props(func() actor.Actor {
		w.lord = &parent{children: children, pids: pids}
		w.lord.Backoff.Jitter = -1
		w.lord.Hooks = supervisor.Hooks{
			ChildFailed: func(f supervisor.Failure) { w.hooks.note("failed %s: %s", f.Name, f.Text) },
			ChildAway:   func(name string, d time.Duration) { w.hooks.note("away %s %v", name, d) },
			ChildBack:   func(name string) { w.hooks.note("back %s", name) },
			Degraded:    func(name string) { w.hooks.note("degraded %s", name) },
		}
		return w.lord
	}, more...), "lb")
	if err != nil {
		t.Fatal(err)
	}
	w.pid = pid
	synctest.Wait()
	return w
}

// tell sends and waits until all is quiet.
func (w *world) tell(child string, message any) {
	w.Root.Send(w.child(child), message)
	synctest.Wait()
}

func (w *world) child(name string) *actor.PID { return w.NewLocalPID("lb/" + name) }

// alive says whether there is an actor of that name below the parent.
func (w *world) alive(child string) bool {
	_, ok := w.ProcessRegistry.Get(w.child(child))
	return ok
}

// node returns the picture of a child.
func (w *world) node(t *testing.T, child string) *supervisor.Node {
	t.Helper()
	for _, n := range w.Tree()[0].Children {
		if n.Name == child {
			return n
		}
	}
	t.Fatalf("no %s in\n%s", child, w.Tree()[0])
	return nil
}

// end stops the parent, which a wedged child would not allow.
func (w *world) end(t *testing.T) {
	t.Helper()
	if err := w.Shutdown(time.Second); err != nil {
		t.Error(err)
	}
}

// crash is a message upon which a child panics.
type crash string

// child writes what it receives, with the number of its incarnation, and panics as told.
type child struct {
	*diary
	life int
}

func (c *child) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case crash:
		panic(string(m))
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
		c.note("%d %s", c.life, strings.TrimPrefix(fmt.Sprintf("%T", m), "*actor."))
	default:
		c.note("%d %v", c.life, m)
	}
}

// children makes props that write to d and count lives.
func children(d *diary) actor.Producer {
	var lives atomic.Int64 // several parents may use the same props
	return func() actor.Actor { return &child{d, int(lives.Add(1))} }
}

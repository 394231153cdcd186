package supervisor_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

func TestTreeShowsWhatLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		w := newWorld(t, func(s *supervisor.System) map[string]*actor.Props {
			leaf := s.Props(children(&d))
			branch := s.Props(func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, ok := ctx.Message().(*actor.Started); ok {
						for _, name := range []string{"backend/[::1]:9001", "backend/127.0.0.1:9001", "-"} {
							_, _ = ctx.SpawnNamed(leaf, name)
						}
					}
				})
			})
			return map[string]*actor.Props{"backends": branch, "backends-": leaf, "admin": leaf}
		})
		future := actor.NewFuture(w.ActorSystem, time.Second)
		w.tell("admin", crash("one"))
		w.tell("admin", crash("two"))
		w.tell("admin", "hello")
		tree := w.Tree()
		if len(tree) != 1 {
			t.Fatalf("%d actors at the root, want 1: %v", len(tree), tree)
		}
		want := `lb
  admin failed (1 waiting)
  backends
    -
    backend/127.0.0.1:9001
    backend/[::1]:9001
  backends-
`
		if got := tree[0].String(); got != want {
			t.Errorf("tree\n%swant\n%s", got, want)
		}
		if err := future.Wait(); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("the future ended with %v", err)
		}
		w.end(t)
		if tree := w.Tree(); len(tree) != 0 {
			t.Errorf("after the end: %v", tree)
		}
	})
}

func TestNodeTellsOfTheChildsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := pair(t)
		f := func(want supervisor.Node, reason string) {
			t.Helper()
			got := *w.node(t, "a")
			if got.Last.Text != reason {
				t.Errorf("reason %q, want %q", got.Last.Text, reason)
			}
			got.Last = supervisor.Failure{}
			want.ID, want.Name = "lb/a", "a"
			if !reflect.DeepEqual(got, want) {
				t.Errorf("node %+v, want %+v", got, want)
			}
		}
		time.Sleep(time.Minute)
		f(supervisor.Node{State: "running", Uptime: time.Minute, Budget: 10}, "")
		w.tell("a", crash("one"))
		time.Sleep(time.Second)
		f(supervisor.Node{State: "running", Uptime: time.Second, Restarts: 1, Budget: 9}, "one")
		w.tell("a", crash("two"))
		w.tell("a", "early")
		f(supervisor.Node{State: "failed", Restarts: 1, Budget: 8, Queue: 1}, "two")
		time.Sleep(12*time.Second + 100*time.Millisecond)
		f(supervisor.Node{State: "running", Uptime: 12 * time.Second, Restarts: 2, Budget: 10}, "two")
		w.end(t)
	})
}

func TestNodeShowsTheBudgetThatItsParentGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a diary
		s := supervisor.NewSystem(supervisor.Options{Backoff: supervisor.Backoff{Budget: 7}})
		lord := s.Props(func() actor.Actor {
			p := &parent{children: map[string]*actor.Props{"a": s.Props(children(&a))}, pids: map[string]*actor.PID{}}
			p.Backoff = supervisor.Backoff{Budget: 1}
			return p
		})
		if _, err := s.Spawn(lord, "lb"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f := func(want int, degraded bool) {
			t.Helper()
			top := s.Tree()[0]
			if n := top.Children[0]; top.Budget != 7 || n.Budget != want || n.Degraded != degraded {
				t.Errorf("budgets %d and %d, degraded %v; want 7, %d and %v",
					top.Budget, n.Budget, n.Degraded, want, degraded)
			}
		}
		f(1, false)
		for _, degraded := range []bool{false, true} {
			s.Root.Send(s.NewLocalPID("lb/a"), crash("no"))
			synctest.Wait()
			f(0, degraded)
		}
		if got := s.Tree()[0].String(); got != "lb\n  a failed degraded\n" {
			t.Errorf("tree %q", got)
		}
		if err := s.Shutdown(time.Second); err != nil {
			t.Error(err)
		}
	})
}

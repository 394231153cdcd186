package supervisor

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Stop stops an actor and its children and waits until they are gone, or until the time is up: an error, after which
// the stop goes on. An actor that is gone already is no error. Messages in the queue are dropped.
//
// The futures of protoactor-go wait for 10 s whatever one wants. Stop blocks, so it is not for use inside an actor.
func Stop(system *actor.ActorSystem, pid *actor.PID, within time.Duration) error {
	process, alive := system.ProcessRegistry.Get(pid)
	if !alive {
		return nil
	}
	w := &watcher{gone: make(chan struct{}, 1)}
	self, _ := system.ProcessRegistry.Add(w, "stop"+system.ProcessRegistry.NextId())
	defer system.ProcessRegistry.Remove(self)
	process.SendSystemMessage(pid, &actor.Watch{Watcher: self})
	process.Stop(pid)

	timer := time.NewTimer(max(within, 0))
	defer timer.Stop()
	select {
	case <-w.gone:
		return nil
	case <-timer.C:
		return fmt.Errorf("stop %s: still there after %v", pid.Id, within)
	}
}

// watcher is told of one actor's end.
type watcher struct{ gone chan struct{} }

// SendUserMessage implements actor.Process.
func (*watcher) SendUserMessage(*actor.PID, any) {}

// SendSystemMessage implements actor.Process.
func (w *watcher) SendSystemMessage(_ *actor.PID, message any) {
	if _, ok := message.(*actor.Terminated); !ok {
		return
	}
	select {
	case w.gone <- struct{}{}:
	default:
	}
}

// Stop implements actor.Process.
func (*watcher) Stop(*actor.PID) {}

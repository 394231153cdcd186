package supervisor_test

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lb/supervisor"
)

// workers supervises its children by the strategy that it embeds.
type workers struct {
	supervisor.Strategy
	system *supervisor.System
}

func newWorkers(system *supervisor.System) *workers {
	w := &workers{system: system}
	w.Hooks.ChildFailed = func(f supervisor.Failure) {
		fmt.Printf("%s failed: %s: %s\n", f.Name, f.Text, f.Outcome())
	}
	return w
}

func (w *workers) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		_, _ = ctx.SpawnNamed(w.system.Props(newWorker), "worker/0")
	}
}

type worker struct{ served int }

func newWorker() actor.Actor { return &worker{} }

func (w *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case string:
		w.served++
		ctx.Respond(fmt.Sprintf("%s is number %d", m, w.served))
	case error:
		panic(m)
	}
}

// A worker crashes; the next message reaches its successor.
func Example() {
	system := supervisor.NewSystem(supervisor.Options{})
	_, err := system.Spawn(system.Props(func() actor.Actor { return newWorkers(system) },
		actor.WithDispatcher(actor.NewSynchronizedDispatcher(300))), "workers")
	if err != nil {
		fmt.Println(err)
		return
	}
	pid := system.NewLocalPID("workers/worker/0")
	ask := func(what string) {
		answer, err := system.Root.RequestFuture(pid, what, time.Second).Result()
		fmt.Println(answer, err)
	}
	ask("one")
	ask("two")
	system.Root.Send(pid, fmt.Errorf("out of luck"))
	ask("three")
	fmt.Print(system.Tree()[0])
	if err := system.Shutdown(time.Second); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one is number 1 <nil>
	// two is number 2 <nil>
	// worker/0 failed: out of luck: restart at once
	// three is number 1 <nil>
	// workers
	//   worker/0
}

package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lb/messages"
)

// post is where a worker works: a seat at an event loop of this process, or a process of its own. It outlives the
// worker. The functions it is given are called later, once, on a thread of the post's own choice.
type post interface {
	// props describes the actor that works here.
	props(w *workers) *actor.Props
	// assign has a worker that starts here later accept from these sockets.
	assign(fds []int)
	// beat calls back as soon as the worker shows a sign of life. Who is away and known to be needs none.
	beat(alive func())
	// count calls back with the counters of all workers that worked here.
	count(reply func(messages.Stats))
	// clear ends the worker, with all its connections, and keeps its counters.
	clear()
	// retire has the worker that works here, and any after it, accept nothing from the sockets once it drains: they may be
	// closed then.
	retire()
	// abandon ends a worker that hangs, where that is possible.
	abandon()
	// process is the number of the worker's own process; 0: it has none.
	process() int
	// close gives up what the post is made of. There is no worker any more.
	close()
}

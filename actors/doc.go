// Package actors is the control plane: the actors that own the data plane and decide what it does.
//
//	config            follows the configuration file, if there is one, and tells backends what changed
//	backends          reconciles the backends, publishes Snapshots of them to the workers
//	├── backend/a:80  one backend: its name, its health, its drain
//	│   └── prober    its checks, each on a goroutine of its own
//	├── service/b     looks up what a service name lists
//	└── …
//	workers           supervises the workers, knows what outlives them
//	├── worker/0      on loop 0: owns a proxy.Worker, its listener and its connections
//	│   └── pool      on loop 0: looks after the worker's backend connections
//	└── …
//	admin             shows how all of them fare, takes orders over the control socket
//
// In mode mp a child of workers is a workerProcess, which stands for a process that runs one worker. The tree there is
//
//	uplink            stands for the master: what that says goes to the worker, what the worker says goes there
//	└── worker/0      on the process's only loop, with its pool
//
// and the messages are the same; Launch and Uplink carry them. A worker's post, a seat at a loop or a station for a
// process, is what outlives it.
//
// A worker and its pool run on the thread of the worker's event loop, which is their dispatcher. So they call the data
// plane by plain method calls, and nothing in it is locked. No message is sent per request.
package actors

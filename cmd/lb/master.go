package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"lb/actors"
	"lb/messages"
	"lb/mp"
)

// Modes of processes.
const (
	oneProcess = "sp"
	master     = "mp"
)

// workerThreads is how many threads of a worker process run Go code at a time: that of the event loop, and one for what
// the loop does not wait for. Measured with two workers on two CPUs, CPU per request: 16.0 µs with 1, 12.4 with 2, 12.6
// with 4 over 64 kept connections; 41, 33 and 34 µs with a new connection for each. With 1 each wait of the loop hands
// its only right to run over.
const workerThreads = 2

// memoryShare is the part of the control group's memory limit, in percent, that the heaps of lb stay below: stacks and
// what the kernel counts for sockets need the rest.
const memoryShare = 80

// workerSettings are what a worker process needs to know before its master can tell it more.
type workerSettings struct {
	LogFile string        `json:"log_file,omitempty"`
	Level   string        `json:"level"`
	Pin     bool          `json:"pin,omitempty"`
	Number  int           `json:"number"`
	Trace   traceSettings `json:"trace"`
}

// workerVariable carries them.
const workerVariable = "LB_WORKER"

// launch starts the process of a worker: of the file that this process runs, even if there is another one in its place
// now.
func (sv *service) launch(worker int, sockets []int) (actors.WorkerProcess, error) {
	env, err := sv.workerEnvironment(worker)
	if err != nil {
		return nil, err
	}
	child, err := mp.Run(mp.Start{
		Path: sameFile(sv.executable), Args: []string{os.Args[0], "worker", strconv.Itoa(worker)}, Env: env, Role: mp.Worker,
		Sockets: map[string][]int{forTraffic: sockets},
	}, sv.log.goroutines.Go)
	if err != nil {
		return nil, err
	}
	return workerChild{child}, nil
}

// sameFile is the file that this process runs.
func sameFile(byName string) string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	return byName
}

func (sv *service) workerEnvironment(worker int) ([]string, error) {
	text, err := json.Marshal(workerSettings{
		LogFile: sv.logFile, Level: sv.log.level.word(), Pin: sv.pin, Number: worker, Trace: sv.trace,
	})
	if err != nil {
		return nil, fmt.Errorf("worker %d: %w", worker, err)
	}
	env := []string{workerVariable + "=" + string(text)}
	if os.Getenv("GOMAXPROCS") == "" {
		env = append(env, "GOMAXPROCS="+strconv.Itoa(workerThreads))
	}
	if limit := heapLimit(int(sv.size.Load()) + 1); limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(limit, 10))
	}
	return env, nil
}

// heapLimit is the memory limit of each of so many processes, in bytes; 0 for none.
func heapLimit(processes int) int64 {
	return mp.MemoryLimit() / 100 * memoryShare / int64(processes)
}

// workerChild is a worker process, as the actor that stands for it sees it.
type workerChild struct{ child *mp.Child }

func (c workerChild) PID() int { return c.child.PID }

func (c workerChild) Send(value any, lent ...int) error { return c.child.Link.Send(value, lent...) }

func (c workerChild) Give(value any, given []int) error { return c.child.Link.Give(value, given) }

func (c workerChild) Receive() (any, []int, error) { return c.child.Link.Receive() }

func (c workerChild) Kill() { c.child.Signal(syscall.SIGKILL) }

func (c workerChild) Wait() (code int, how string) {
	<-c.child.Done()
	c.child.Link.Close(0)
	return c.child.Exit().Code, c.child.Exit().String()
}

// resize changes the number of workers while they serve. Sockets are added and dealt out anew, never closed.
func (sv *service) resize(workers int) error {
	if workers < 1 || workers > messages.MaxWorkers {
		return &messages.InvalidError{
			Subject: "workers", Word: strconv.Itoa(workers), Why: "must be 1 to " + strconv.Itoa(messages.MaxWorkers),
		}
	}
	sv.traffic.resizing.Lock()
	defer sv.traffic.resizing.Unlock()
	if err := sv.balancer.Resizable(); err != nil {
		return err
	}
	grown := sv.traffic.Grow(workers)
	if grown != nil {
		workers = int(sv.size.Load()) // those there are share what there is
	}
	before := sv.size.Swap(int64(workers))
	sv.spareProcessor(workers)
	err := sv.balancer.Resize(sv.traffic.Shares(workers))
	if err != nil {
		sv.size.Store(before)
	}
	return errors.Join(grown, err)
}

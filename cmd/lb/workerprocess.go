package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"lb/actors"
	"lb/mp"
)

// work is all that a worker process does. It returns the exit code, which may say that it would be the same another time.
func (p *program) work(i *mp.Inheritance) (code int) {
	// What concerns all processes of lb, such as Ctrl-C in a terminal, is the master's to decide: it tells the workers.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	_ = os.WriteFile("/proc/self/comm", []byte("lb"), 0) // what ps shows: it was started by another name of the file
	s, log, err := p.readWorker()
	if err != nil {
		fmt.Fprintln(p.stderr, "lb: worker: "+err.Error())
		return actors.ExitUnable
	}
	defer log.close()
	if s.Pin {
		if err := mp.Pin(s.Number); err != nil {
			log.Warn().Str("logger", workerName(s)).Err(err).Msg("runs on any CPU")
		}
	}
	switch err := p.runWorker(i, s, log); {
	case errors.Is(err, actors.ErrMasterGone):
		log.Error().Str("logger", workerName(s)).Msg("the master has ended, and so does this worker")
		return exitFailure
	case err != nil:
		log.Error().Str("logger", workerName(s)).Err(err).Msg("a worker process ends")
		return exitFailure
	}
	return exitOK
}

func workerName(s workerSettings) string { return fmt.Sprintf("worker/%d", s.Number) }

// readWorker reads what the master has put into the environment, and opens the log.
func (p *program) readWorker() (s workerSettings, log *logbook, err error) {
	if err := json.Unmarshal([]byte(os.Getenv(workerVariable)), &s); err != nil {
		return s, nil, fmt.Errorf("%s: %w", workerVariable, err)
	}
	level, err := parseLevel("log level", s.Level)
	if err != nil {
		return s, nil, err
	}
	log, err = p.openLogAt(s.LogFile, level)
	return s, log, err
}

func (p *program) runWorker(i *mp.Inheritance, s workerSettings, log *logbook) error {
	link, err := i.Link(log.goroutines.Go)
	if err != nil {
		return err
	}
	defer link.Close(farewellTime)
	sockets, err := mp.Adopt(i.Sockets[forTraffic])
	if err != nil {
		return err
	}
	tracer, endTrace := p.openTrace(s.Trace, log)
	defer endTrace()
	return actors.RunWorker(actors.WorkerOptions{
		Sockets: sockets.FDs(), Uplink: link, Log: log.Logger,
		SetLevel: log.level.set, ReopenLog: log.file.reopen, Tracer: tracer,
	})
}

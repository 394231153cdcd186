//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// What is done to lb, in rounds: a reload, then something to a backend; in some rounds an upgrade or a crash.
const (
	roundLength  = 10 * time.Second
	faultAt      = 3 * time.Second // in the round
	crashAt      = 8 * time.Second
	upgradesPart = 6 // an upgrade in each such part of the whole, in its first half
)

// torment goes on until the end, and leaves everything as it was.
func (s *stand) torment(ctx context.Context) {
	upgradeEvery := max(s.length/upgradesPart, 2*roundLength)
	crashEvery := min(max(s.length/10, 2*roundLength), time.Minute)
	nextUpgrade, nextCrash := upgradeEvery, crashEvery
	for round := 0; pause(ctx, time.Until(s.began.Add(time.Duration(round)*roundLength))); round++ {
		began := time.Now()
		s.check("reload", s.reload())
		if at := time.Since(s.began); at >= nextUpgrade && at < s.length/2+roundLength {
			nextUpgrade += upgradeEvery
			s.check("upgrade", s.upgrade())
		}
		if !pause(ctx, faultAt-time.Since(began)) {
			break
		}
		s.check("fault", s.hurtOrigin(ctx))
		if at := time.Since(s.began); at >= nextCrash && pause(ctx, crashAt-time.Since(began)) {
			nextCrash += crashEvery
			s.check("crash", s.crash())
		}
	}
	s.check("reload", s.change(pictureOf(s.origins)))
}

// check makes what lb did not do in time a finding.
func (s *stand) check(what string, err error) {
	if err != nil {
		s.find("%s: %v", what, err)
	}
}

// pause waits, and reports whether it is not yet the end.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// reload changes the configuration file, one time in six to something that is refused.
func (s *stand) reload() error {
	if s.random.IntN(6) == 0 {
		return s.badReload()
	}
	next, what := s.picture.changed(s.random, entryOf(s.guest))
	s.tell("reload: %s", what)
	return s.change(next)
}

// change puts a picture into the file and waits until lb has taken it over.
func (s *stand) change(next picture) error {
	if next.text() == s.picture.text() {
		return nil
	}
	before, err := s.lb.status()
	if err != nil {
		return err
	}
	if err := s.writeConfig(next.text()); err != nil {
		return err
	}
	s.picture = next
	return s.lb.await("to reload", func() bool {
		now, err := s.lb.status()
		return err == nil && now.Config.Applied > before.Config.Applied
	})
}

func (s *stand) badReload() error {
	s.tell("reload: a bad file")
	before, err := s.lb.status()
	if err != nil {
		return err
	}
	if err := s.writeConfig(`{"backends": [`); err != nil {
		return err
	}
	refused := s.lb.await("to refuse a file", func() bool {
		now, err := s.lb.status()
		return err == nil && now.Config.Refused > before.Config.Refused
	})
	return errors.Join(refused, s.writeConfig(s.picture.text()))
}

func (s *stand) writeConfig(text string) error {
	if err := os.WriteFile(s.path("config.new"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(s.path("config.new"), s.path("config"))
}

// upgrade explains no failure.
func (s *stand) upgrade() error {
	s.tell("upgrade")
	end := s.tally.begin("upgrade", nil)
	defer end()
	if err := s.lb.upgrade(); err != nil {
		return err
	}
	s.mu.Lock()
	s.generation++
	s.since = time.Now()
	s.mu.Unlock()
	return s.lb.await("to see all backends up after an upgrade", s.settled)
}

// blows are what is done to a backend.
var blows = []struct {
	name  string
	spell spell // healthy: it is stopped
}{
	{"stop", healthy},
	{"stall", stalled},
	{"reset", resets},
	{"nonsense", nonsense},
	{"sluggish", sluggish},
}

// hurtOrigin has one backend fail for 1 to 4 seconds.
func (s *stand) hurtOrigin(ctx context.Context) error {
	all := append(s.origins[:len(s.origins):len(s.origins)], s.fixed)
	victim, blow := all[s.random.IntN(len(all))], blows[s.random.IntN(len(blows))]
	length := time.Second + time.Duration(s.random.IntN(3000))*time.Millisecond
	s.tell("%s of %s for %v", blow.name, victim.name, length)
	end := s.tally.begin(blow.name, ofOrigins)
	defer end()
	if blow.spell == healthy {
		victim.stop()
		pause(ctx, length)
		return victim.again()
	}
	victim.cast(blow.spell)
	pause(ctx, length)
	victim.cast(healthy)
	return nil
}

// crash ends a worker: by a panic that takes its connections along; in mode mp, every other time, by the kernel. Worker
// process 0 is not killed, so that it grows old.
func (s *stand) crash() error {
	end := s.tally.begin("crash", ofWorkers)
	defer end()
	if s.mode == "mp" && s.random.IntN(2) == 0 {
		s.tell("crash: kill -9")
		return s.killWorker()
	}
	s.tell("crash: panic of a worker")
	return s.panicWorker()
}

func (s *stand) killWorker() error {
	state, err := s.lb.status()
	if err != nil {
		return err
	}
	pid := state.Workers[workers-1].PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	return s.lb.await("to replace a worker", func() bool {
		now, err := s.lb.status()
		return err == nil && now.Workers[workers-1].Up && now.Workers[workers-1].PID != pid
	})
}

// panicWorker sends what builds for tests panic upon.
func (s *stand) panicWorker() error {
	conn, err := net.Dial("tcp", s.lb.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, get("/", "X-Lb-Fault: worker")); err != nil {
		return err
	}
	if _, err := bufio.NewReader(conn).ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Join(err, errors.New("a panic did not end its connection"))
	}
	return s.lb.await("to have its workers", func() bool {
		now, err := s.lb.status()
		return err == nil && len(now.Workers) == workers && now.Workers[0].Up && now.Workers[1].Up
	})
}

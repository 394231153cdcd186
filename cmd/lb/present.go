package main

import (
	"fmt"
	"time"
)

// How this process shows itself: to the process before it, to the service manager, in the pid file.

// present puts this process in the place of the one before it, if there is one, and shows it to the service manager.
func (sv *service) present() (err error) {
	if sv.pidFile != "" {
		if sv.pid, err = writePIDFile(sv.pidFile); err != nil {
			return err
		}
	}
	if err := sv.predecessor.ready(); err != nil {
		return err
	}
	sv.doors.own()
	sv.log.goroutines.Go("follow the process before", func() { sv.predecessor.follow(sv.balancer.Adopt) })
	sv.notify(sv.manager.Ready(fmt.Sprintf("serving on %s", sv.traffic.Addr())))
	if sv.manager.Watchdog > 0 {
		sv.log.goroutines.Go("watchdog", sv.feedWatchdog)
	}
	return nil
}

// feedWatchdog gives the service manager signs of life, but none while the data path gives none.
func (sv *service) feedWatchdog() {
	for range time.Tick(sv.manager.Watchdog / 2) {
		if sv.balancer.Answers() {
			sv.notify(sv.manager.Alive())
		}
	}
}

// notify logs what a service manager could not be told.
func (sv *service) notify(err error) {
	if err != nil {
		sv.log.Warn().Str("logger", "lb").Err(err).Msg("the service manager cannot be told")
	}
}

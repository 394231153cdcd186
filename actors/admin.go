package actors

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"lb/supervisor"
)

// Bounds of the admin's HTTP servers: their clients are monitoring and people, a few at a time.
const (
	adminHeaderWithin = 5 * time.Second
	adminWithin       = 30 * time.Second
	adminIdle         = time.Minute
	adminHeaderBytes  = 16 << 10
	adminAtATime      = 16 // requests; more are told to come back
)

// door is a listening socket of the admin and what is served there.
type door struct {
	name     string
	listener net.Listener
	handler  http.Handler
}

// admin is the actor that shows how the balancer fares, and takes orders. Its sockets outlive it: one that takes over
// serves the same.
type admin struct {
	system  *supervisor.System
	log     zerolog.Logger
	doors   []door
	servers []*http.Server
}

// Receive implements actor.Actor.
func (a *admin) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		for _, d := range a.doors {
			a.open(d)
		}
	case leaveDoors:
		a.leave()
	case *actor.Stopping, *actor.Restarting:
		a.close()
	}
}

// leaveDoors has nobody come in any more; who is in gets an answer.
type leaveDoors struct{}

func (a *admin) leave() {
	for _, s := range a.servers {
		a.system.Goroutines.Go("leave the doors", func() {
			limit, cancel := context.WithTimeout(context.Background(), adminWithin)
			defer cancel()
			_ = s.Shutdown(limit) // those that are not answered by then are cut off
		})
	}
}

// open serves at a door until that is closed, by the actor or by who owns the socket: both are orders.
func (a *admin) open(d door) {
	s := &http.Server{
		Handler:           atATime(adminAtATime, d.handler),
		ReadHeaderTimeout: adminHeaderWithin, ReadTimeout: adminWithin, WriteTimeout: adminWithin, IdleTimeout: adminIdle,
		MaxHeaderBytes: adminHeaderBytes, ErrorLog: complaints(a.log),
	}
	a.servers = append(a.servers, s)
	l := newLease(d.listener)
	a.system.Goroutines.Go(d.name, func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			a.log.Error().Str("at", d.listener.Addr().String()).Err(err).Msg("no longer served")
		}
	})
}

func (a *admin) close() {
	for _, s := range a.servers {
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			a.log.Warn().Err(err).Msg("a server did not close")
		}
	}
	a.servers = nil
}

// atATime serves so many requests at a time.
func atATime(n int, h http.Handler) http.Handler {
	places := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests at a time", http.StatusServiceUnavailable)
		}
	})
}

// lease is a listener whose Close ends its use and not the socket.
type lease struct {
	net.Listener
	deadline interface{ SetDeadline(time.Time) error }
}

func newLease(l net.Listener) *lease {
	d, _ := l.(interface{ SetDeadline(time.Time) error })
	leased := &lease{Listener: l, deadline: d}
	leased.until(time.Time{})
	return leased
}

// Close has Accept return an error.
func (l *lease) Close() error { return l.until(time.Unix(1, 0)) }

// Accept hides that the error is a time-out, at which the server would try again.
func (l *lease) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		err = net.ErrClosed
	}
	return conn, err
}

func (l *lease) until(t time.Time) error {
	if l.deadline == nil {
		return errors.ErrUnsupported
	}
	return l.deadline.SetDeadline(t)
}

// logWriter has net/http complain in the log.
type logWriter struct{ log zerolog.Logger }

// Write implements io.Writer.
func (w logWriter) Write(line []byte) (int, error) {
	w.log.Warn().Str("error", strings.TrimSpace(string(line))).Msg("an admin request failed")
	return len(line), nil
}

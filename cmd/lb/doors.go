package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"lb/actors"
	"lb/messages"
)

// socketAddress is where a server of ours listens; the zero value is nowhere.
type socketAddress struct{ network, address string }

// parseSocketAddress reads host:port, or unix: and a path.
func parseSocketAddress(subject, s string) (socketAddress, error) {
	if s == "" {
		return socketAddress{}, nil
	}
	if path, found := strings.CutPrefix(s, "unix:"); found && path != "" {
		return socketAddress{"unix", path}, nil
	}
	fault := &messages.InvalidError{Subject: subject, Word: s, Why: "not host:port or unix:path"}
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if _, onlyPort := strconv.ParseUint(s, 10, 16); onlyPort == nil {
		fault.Nearest = "127.0.0.1:" + s
	}
	if err != nil {
		return socketAddress{}, fault
	}
	return socketAddress{"tcp", s}, nil
}

// doors are the sockets by which a balancer shows itself and takes orders.
type doors struct {
	pages   net.Listener // nil: /metrics on the traffic port
	control net.Listener // nil: no orders
	log     *logbook
}

// doorSettings say where the doors are.
type doorSettings struct {
	admin   socketAddress // zero: /metrics on the traffic port
	control string        // path; "" for the usual one, or controlOff
}

// openDoors opens what the settings ask for. The usual control socket is a convenience: a balancer that cannot have it
// says so and serves.
func openDoors(s doorSettings, port uint16, log *logbook) (*doors, error) {
	d := &doors{log: log}
	var err error
	switch s.admin.network {
	case "unix":
		d.pages, err = listenUnix(s.admin.address)
	case "tcp":
		d.pages, err = net.Listen("tcp", s.admin.address)
	}
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	if s.control == controlOff {
		return d, nil
	}
	path := s.control
	if path == "" {
		path = usualControl(port)
	}
	d.control, err = listenUnix(path)
	switch {
	case err != nil && s.control != "":
		d.close()
		return nil, fmt.Errorf("--control-socket: %w", err)
	case err != nil:
		log.Error().Str("logger", "lb").Err(err).Msg("no control socket")
	}
	return d, nil
}

func (d *doors) options(log *logbook) actors.AdminOptions {
	return actors.AdminOptions{
		Pages: d.pages, Control: d.control, Version: version, Dropped: log.lines.Dropped, SetLevel: log.level.set,
	}
}

func (d *doors) close() {
	for _, l := range []net.Listener{d.pages, d.control} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil {
			d.log.Warn().Str("logger", "lb").Err(err).Msg("a socket did not close")
		}
	}
}

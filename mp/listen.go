package mp

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Listeners are listening TCP sockets that share one address. They are immutable until Close, and safe for concurrent
// use but for Close itself.
type Listeners struct {
	addr    netip.AddrPort
	fds     []int
	sys     system
	adopted bool // made by somebody else
}

// Addr is the address that all of them share; after a port of 0 was asked for, with the one that the kernel chose.
func (l *Listeners) Addr() netip.AddrPort { return l.addr }

// FDs are the descriptors, non-blocking and closed on exec. They stay the Listeners': accept on them, do not close
// them. The slice is the caller's.
func (l *Listeners) FDs() []int { return slices.Clone(l.fds) }

// Close closes all sockets; connections in their queues are reset. Closing again does nothing.
func (l *Listeners) Close() error {
	var errs []error
	for _, fd := range l.fds {
		errs = append(errs, l.sys.close(fd))
	}
	l.fds = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close listeners on %s: %w", l.addr, err)
	}
	return nil
}

// Listen opens n sockets on one address, for one worker each. Their queues are as long as net.core.somaxconn allows,
// and the connections accepted from them have TCP_NODELAY set (Linux; elsewhere it is up to the caller).
//
// host is an IPv4 or IPv6 address, with or without brackets, with a zone where it needs one; "localhost" is 127.0.0.1.
// "::" takes IPv4 connections too, whatever net.ipv6.bindv6only says; "" is "::", or "0.0.0.0" on a machine without
// IPv6. Other names are refused: one can stand for several addresses, and for others tomorrow. port 0 lets the kernel
// choose.
//
// Nobody else is listening on an address when Listen returns it: not another program, nor a second instance of this one
// that starts at the same moment. (That the same user's programs may still join later, if they ask for SO_REUSEPORT, is
// how that option works.) Sockets in TIME_WAIT or in use by an instance that is ending do not stand in the way. Errors
// are one line, as in "listen 0.0.0.0:8080: address already in use", and wrap the system's error number.
func Listen(host string, port, n int) (*Listeners, error) {
	return kernel().listeners(host, port, n)
}

func (s system) listeners(host string, port, n int) (*Listeners, error) {
	l, err := s.open(host, port, n)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", net.JoinHostPort(unbracketed(host), strconv.Itoa(port)), err)
	}
	return l, nil
}

func (s system) open(host string, port, n int) (*Listeners, error) {
	if port < 0 || port > math.MaxUint16 {
		return nil, errors.New("port must be 0 to 65535")
	}
	if n < 1 {
		return nil, fmt.Errorf("%d sockets asked for, at least 1 needed", n)
	}
	if host != "" {
		ip, err := parse(host)
		if err != nil {
			return nil, err
		}
		return s.share(netip.AddrPortFrom(ip, uint16(port)), n)
	}
	l, err := s.share(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)), n)
	if lacksIPv6(err) {
		return s.share(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)), n)
	}
	return l, err
}

// share opens the first socket alone on the address, then lets the others join it.
//
// A socket bound with SO_REUSEPORT shares with any other of the same user, silently: two instances started on one port
// would each get half of the requests. Trying the port first with a socket that does not share leaves a gap between the
// trial and the real thing, through which two instances that start together both pass; and closing a trial socket that
// listened resets what came meanwhile. So the first real socket binds and listens without sharing, which the kernel
// grants to one only, and turns sharing on afterwards: the kernel looks at the option when the next socket wants to
// join.
func (s system) share(addr netip.AddrPort, n int) (*Listeners, error) {
	l := &Listeners{addr: addr, sys: s}
	for range n {
		if err := l.add(); err != nil {
			l.Close() // what it could add tells the user nothing
			return nil, err
		}
	}
	return l, nil
}

func (l *Listeners) add() error {
	address, family, err := sockaddr(l.addr)
	if err != nil {
		return err
	}
	fd, err := l.sys.socket(family)
	if err != nil {
		return err
	}
	first := len(l.fds) == 0
	l.fds = append(l.fds, fd)
	if err := l.prepare(fd, family); err != nil {
		return err
	}
	if first {
		return l.lead(fd, address)
	}
	return l.join(fd, address)
}

// prepare sets what must be set before bind, or is inherited by accepted connections. SO_REUSEADDR allows for
// connections in TIME_WAIT, and for those that an instance which no longer listens is still serving, provided that it
// had the option too.
func (l *Listeners) prepare(fd, family int) error {
	options := []option{
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	}
	if family == unix.AF_INET6 {
		options = append(options, option{"IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0})
	}
	for _, o := range options {
		if err := l.set(fd, o); err != nil {
			return err
		}
	}
	return nil
}

func (l *Listeners) lead(fd int, address unix.Sockaddr) error {
	if err := l.start(fd, address); err != nil {
		return err
	}
	bound, err := l.sys.name(fd)
	if err != nil {
		return err
	}
	l.addr = netip.AddrPortFrom(l.addr.Addr(), portOf(bound))
	return l.letShare(fd)
}

func (l *Listeners) join(fd int, address unix.Sockaddr) error {
	if err := l.letShare(fd); err != nil {
		return err
	}
	return l.start(fd, address)
}

// start binds and listens with the longest queue there is: the kernel cuts the number down to its limit.
func (l *Listeners) start(fd int, address unix.Sockaddr) error {
	if err := l.sys.bind(fd, address); err != nil {
		return err
	}
	return l.sys.listen(fd, math.MaxInt32)
}

type option struct {
	name               string
	level, word, value int
}

func (l *Listeners) letShare(fd int) error {
	return l.set(fd, option{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
}

func (l *Listeners) set(fd int, o option) error {
	if err := l.sys.set(fd, o.level, o.word, o.value); err != nil {
		return fmt.Errorf("set %s: %w", o.name, err)
	}
	return nil
}

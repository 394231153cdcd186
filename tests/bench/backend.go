//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

const (
	smallBody = "a response of the size that a small API answers with" // 52 bytes
	largeSize = 1 << 20
	largePath = "/large"
	heldPath  = "/held" // is never answered
	maxHead   = 16 << 10
)

// backends are the servers behind the proxies, one port each, all on one event loop in this process. They are ours
// because they must neither be the bottleneck nor choose the work: they cost little more than the kernel's part, and they
// answer an upload after its last byte (nginx's `return` answers before it, which makes proxies give up the connection).
// They speak HTTP/1.1 as far as well-behaved proxies need it: no pipelining, no chunked requests.
type backends struct {
	addresses []string
	held      atomic.Int64 // requests that came and were not to be answered

	// the loop's thread only
	epoll     int
	listeners map[int32]bool
	conns     map[int32]*serverConn
	scratch   []byte
}

// serverConn is a connection from a proxy.
type serverConn struct {
	fd       int
	head     []byte // of a request that is not complete
	response []byte // what is to be answered once the body is in, then what could not be sent yet
	bodyLeft int    // bytes of the request's body still to come
	busy     bool   // between a request's head and the last byte of its response
	held     bool   // is not answered
	blocked  bool   // waits until it can send
	last     bool   // close after this response
}

var (
	smallResponse = responseOf([]byte(smallBody))
	largeResponse = responseOf(bytes.Repeat([]byte("0123456789abcdef"), largeSize/16))
)

func responseOf(body []byte) []byte {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"+
		"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n", len(body))
	return append([]byte(head), body...)
}

// startBackends listens on n free ports and serves until the process ends.
func startBackends(n int) (*backends, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	b := &backends{
		epoll:     epoll,
		listeners: map[int32]bool{},
		conns:     map[int32]*serverConn{},
		scratch:   make([]byte, 256<<10),
	}
	for range n {
		if err := b.listen(); err != nil {
			return nil, err
		}
	}
	go b.serve()
	return b, nil
}

func (b *backends) listen() error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close() // the loop keeps a duplicate
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		return os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	b.addresses = append(b.addresses, listener.Addr().String())
	b.listeners[int32(fd)] = true
	return errors.Join(syscall.SetNonblock(fd, true), b.watch(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN))
}

func (b *backends) watch(operation, fd int, events uint32) error {
	return syscall.EpollCtl(b.epoll, operation, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (b *backends) serve() {
	runtime.LockOSThread()
	events := make([]syscall.EpollEvent, 256)
	for {
		n, err := syscall.EpollWait(b.epoll, events, -1)
		if err != nil && err != syscall.EINTR {
			panic(os.NewSyscallError("epoll_wait", err)) // only a broken descriptor of ours gets here
		}
		for _, event := range events[:max(n, 0)] {
			if b.listeners[event.Fd] {
				b.accept(int(event.Fd))
			} else if c := b.conns[event.Fd]; c != nil && !b.proceed(c) {
				b.drop(c)
			}
		}
	}
}

func (b *backends) accept(listener int) {
	for {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return // drained, or a connection that is gone already
		}
		c := &serverConn{fd: fd}
		b.conns[int32(fd)] = c
		noDelay := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if errors.Join(noDelay, b.watch(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN)) != nil {
			b.drop(c)
		}
	}
}

func (b *backends) drop(c *serverConn) {
	delete(b.conns, int32(c.fd))
	syscall.Close(c.fd)
}

// proceed serves a connection that is ready; false means that it is to be closed.
func (b *backends) proceed(c *serverConn) bool {
	if c.blocked {
		return b.send(c)
	}
	n, err := syscall.Read(c.fd, b.scratch)
	if err == syscall.EAGAIN {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	input := b.scratch[:n]
	if len(c.head) > 0 {
		c.head = append(c.head, input...)
		input = c.head
	}
	return b.take(c, input)
}

// take consumes input: the head of a request, or a part of its body.
func (b *backends) take(c *serverConn, input []byte) bool {
	if !c.busy {
		end := bytes.Index(input, []byte("\r\n\r\n"))
		if end < 0 {
			c.head = append(c.head[:0], input...)
			return len(input) <= maxHead
		}
		c.begin(input[:end+2])
		input = input[end+4:]
		c.head = c.head[:0]
	}
	c.bodyLeft -= len(input)
	if c.bodyLeft > 0 {
		return true
	}
	if c.held {
		b.held.Add(1)
		return c.bodyLeft == 0
	}
	return c.bodyLeft == 0 && b.send(c) // more than the body would be pipelining
}

// begin reads from the head of a request, which ends with the line break of its last line, what the answer depends on.
func (c *serverConn) begin(head []byte) {
	c.busy = true
	c.response = smallResponse
	if bytes.HasPrefix(head, []byte("GET "+largePath)) {
		c.response = largeResponse
	}
	c.held = bytes.HasPrefix(head, []byte("GET "+heldPath))
	c.bodyLeft, _ = strconv.Atoi(fieldOf(head, "content-length"))
	c.last = strings.EqualFold(fieldOf(head, "connection"), "close") || bytes.Contains(head, []byte(" HTTP/1.0\r\n"))
}

// fieldOf is the value of the first field of that name, which is in lower case.
func fieldOf(head []byte, name string) string {
	for line := range bytes.Lines(head) {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return string(bytes.TrimSpace(line[len(name)+1:]))
		}
	}
	return ""
}

// send goes on with the response, and waits for writability only where the socket's buffer is full.
func (b *backends) send(c *serverConn) bool {
	n, err := syscall.Write(c.fd, c.response)
	if err != nil && err != syscall.EAGAIN {
		return false
	}
	c.response = c.response[max(n, 0):]
	if full := len(c.response) > 0; full != c.blocked {
		c.blocked = full
		events := uint32(syscall.EPOLLIN)
		if full {
			events = syscall.EPOLLOUT
		}
		if b.watch(syscall.EPOLL_CTL_MOD, c.fd, events) != nil {
			return false
		}
	}
	if c.blocked {
		return true
	}
	c.busy = false
	return !c.last
}

package actors

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// maxDatagram is the size of a response by UDP that we offer to take: what passes every path unfragmented. A larger one is
// fetched by TCP.
const maxDatagram = 1232

// rounds through the servers, each with twice the time of the one before.
const rounds = 2

// inquiry asks the servers for records of one name. Every type is asked for at once, in one exchange with a server, and
// answered by itself.
type inquiry struct {
	name  dnsmessage.Name
	open  []dnsmessage.Type // not answered yet
	found records
	err   error // why the last one that failed did
}

// inquire returns what one full name has of the types. One that brings records is enough: there are servers that know
// nothing of AAAA but how to be silent.
func inquire(ctx context.Context, conf resolvConf, name string, types []dnsmessage.Type) (*records, error) {
	full, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, err
	}
	q := &inquiry{name: full, open: slices.Clone(types), err: errNoName}
	wait := conf.timeout
	for range rounds {
		for _, server := range conf.servers {
			if len(q.open) == 0 || ctx.Err() != nil {
				break
			}
			q.ask(ctx, server, wait)
		}
		if !q.found.empty() {
			return &q.found, nil
		}
		wait *= 2
	}
	return nil, q.err
}

// ask sends what is open to one server and waits for the answers.
func (q *inquiry) ask(ctx context.Context, server netip.AddrPort, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	conn, err := dialDNS(ctx, "udp", server)
	if err != nil {
		q.err = err
		return
	}
	defer conn.Close()
	asked := make(map[uint16]dnsmessage.Type, len(q.open))
	for _, kind := range q.open {
		id := uint16(rand.Uint32())
		if _, err := conn.Write(query(id, q.name, kind)); err != nil {
			q.err = err
			return
		}
		asked[id] = kind
	}
	q.listen(ctx, conn, server, asked)
}

// listen reads until each question has its answer. What answers none of them is passed over: it may come from anybody.
func (q *inquiry) listen(ctx context.Context, conn net.Conn, server netip.AddrPort, asked map[uint16]dnsmessage.Type) {
	buffer := make([]byte, maxDatagram)
	for len(asked) > 0 {
		n, err := conn.Read(buffer)
		if err != nil {
			q.err = fmt.Errorf("name server %v: %w", server, err)
			return
		}
		if n < 2 {
			continue
		}
		id := binary.BigEndian.Uint16(buffer)
		kind, known := asked[id]
		if !known {
			continue
		}
		answer, err := parseAnswer(buffer[:n], id, q.name, kind)
		if errors.Is(err, errTruncated) {
			answer, err = askStream(ctx, server, q.name, kind)
		}
		if errors.Is(err, errOther) {
			continue
		}
		delete(asked, id)
		q.answered(server, kind, answer, err)
	}
}

// answered takes one answer. That a name does not exist is an answer, for every type; that a server fails is none.
func (q *inquiry) answered(server netip.AddrPort, kind dnsmessage.Type, answer *records, err error) {
	switch {
	case err == nil:
		q.found.add(answer)
	case errors.Is(err, errNoRecord):
	case errors.Is(err, errNoName):
		q.open, q.err = nil, err
	default:
		q.err = fmt.Errorf("name server %v: %w", server, err)
		return
	}
	q.open = slices.DeleteFunc(q.open, func(t dnsmessage.Type) bool { return t == kind })
}

// askStream asks by TCP, where a message has its length before it (RFC 1035 §4.2.2).
func askStream(ctx context.Context, server netip.AddrPort, name dnsmessage.Name, kind dnsmessage.Type) (*records, error) {
	conn, err := dialDNS(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	id := uint16(rand.Uint32())
	message := query(id, name, kind)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	response := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, response); err != nil {
		return nil, err
	}
	return parseAnswer(response, id, name, kind)
}

// dialDNS connects, also for UDP: then only datagrams of the server are received. All of the connection ends with ctx.
func dialDNS(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// query is a question that asks for recursion and offers maxDatagram (RFC 6891 §6.2.3).
func query(id uint16, name dnsmessage.Name, kind dnsmessage.Type) []byte {
	var offer dnsmessage.ResourceHeader
	if err := offer.SetEDNS0(maxDatagram, dnsmessage.RCodeSuccess, false); err != nil {
		panic(err) // only for an RCode that does not fit
	}
	message := dnsmessage.Message{
		Header:      dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions:   []dnsmessage.Question{{Name: name, Type: kind, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{{Header: offer, Body: &dnsmessage.OPTResource{}}},
	}
	packed, err := message.Pack()
	if err != nil {
		panic(err) // the name was checked by NewName
	}
	return packed
}

// sameName compares as RFC 1035 §2.3.3 does: letter case does not matter.
func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }

package tests

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a small server of DNS over UDP and TCP.
type nameServer struct {
	addr netip.AddrPort

	mu      sync.Mutex
	zone    map[string][]dnsmessage.Resource // by full name in lower case
	manner  manner
	queries map[string]int // by network
}

// manner is how a name server deviates from a good one.
type manner struct {
	silent    bool              // answers nothing
	deafTo    dnsmessage.Type   // answers nothing about this type
	truncates bool              // sends every answer by UDP as too long
	forges    bool              // sends a wrong answer with another id before each
	code      dnsmessage.RCode  // of all answers
	aliases   map[string]string // CNAME records, answered with those of their target
}

func startNameServer(t *testing.T) *nameServer {
	t.Helper()
	s := &nameServer{zone: make(map[string][]dnsmessage.Resource), queries: make(map[string]int)}
	stream, packets := listenBoth(t)
	s.addr = netip.MustParseAddrPort(stream.Addr().String())
	var running sync.WaitGroup
	running.Go(func() { s.servePackets(packets) })
	running.Go(func() { s.serveStreams(stream, &running) })
	t.Cleanup(func() {
		stream.Close()
		packets.Close()
		running.Wait()
	})
	return s
}

// listenBoth finds a port that is free for TCP and UDP.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 100 {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", stream.Addr().String())
		if err == nil {
			return stream, packets
		}
		stream.Close()
	}
	t.Fatal("no port is free for TCP and UDP")
	return nil, nil
}

func (s *nameServer) servePackets(conn net.PacketConn) {
	buffer := make([]byte, 4096)
	for {
		n, peer, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		for _, response := range s.answer("udp", buffer[:n]) {
			conn.WriteTo(response, peer)
		}
	}
}

func (s *nameServer) serveStreams(l net.Listener, running *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(conn, query); err != nil {
				return
			}
			for _, response := range s.answer("tcp", query) {
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(response))), response...))
			}
		})
	}
}

// answer makes the responses to a query.
func (s *nameServer) answer(network string, query []byte) (responses [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries[network]++
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	kind := m.Questions[0].Type
	if s.manner.silent || kind == s.manner.deafTo {
		return nil
	}
	m.Header.Response, m.Header.RCode, m.Additionals = true, s.manner.code, nil
	name := strings.ToLower(m.Questions[0].Name.String())
	if s.manner.code == dnsmessage.RCodeSuccess {
		m.Answers, m.Header.RCode = s.find(name, kind)
	}
	if s.manner.forges {
		forged := m
		forged.Header.ID++
		forged.Answers = []dnsmessage.Resource{address("forged.", 1, "192.0.2.66")}
		responses = append(responses, pack(forged))
	}
	if s.manner.truncates && network == "udp" {
		m.Header.Truncated, m.Answers = true, nil
	}
	return append(responses, pack(m))
}

func (s *nameServer) find(name string, kind dnsmessage.Type) (answers []dnsmessage.Resource, code dnsmessage.RCode) {
	if target, ok := s.manner.aliases[name]; ok {
		alias := dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 300},
			Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)},
		}
		answers, code = s.find(target, kind)
		return append([]dnsmessage.Resource{alias}, answers...), code
	}
	all, known := s.zone[name]
	if !known {
		return nil, dnsmessage.RCodeNameError
	}
	for _, r := range all {
		if body := r.Body; typeOf(body) == kind {
			answers = append(answers, r)
		}
	}
	return answers, dnsmessage.RCodeSuccess
}

func typeOf(body dnsmessage.ResourceBody) dnsmessage.Type {
	switch body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.AAAAResource:
		return dnsmessage.TypeAAAA
	case *dnsmessage.SRVResource:
		return dnsmessage.TypeSRV
	}
	return 0
}

func pack(m dnsmessage.Message) []byte {
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// set replaces the records of a name.
func (s *nameServer) set(name string, records ...dnsmessage.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone[name] = records
}

// behave changes the manner.
func (s *nameServer) behave(m manner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manner = m
}

func (s *nameServer) asked(network string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries[network]
}

// address is an A or AAAA record.
func address(name string, ttl uint32, word string) dnsmessage.Resource {
	header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
	if a := netip.MustParseAddr(word); a.Is4() {
		return dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}}
	}
	return dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(word).As16()}}
}

// listing is an SRV record.
func listing(name string, ttl uint32, target string, port, weight uint16) dnsmessage.Resource {
	header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
	return dnsmessage.Resource{
		Header: header,
		Body:   &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target), Port: port, Weight: weight},
	}
}

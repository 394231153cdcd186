package actors

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"lb/messages"
)

var (
	// errTruncated: the answer did not fit into a datagram.
	errTruncated = errors.New("truncated")
	// errOther: the message answers another question.
	errOther = errors.New("not the answer to this question")
)

// records are those of one name.
type records struct {
	addresses []netip.Addr
	servers   []dnsmessage.SRVResource
	ttl       uint32 // the shortest, in seconds
}

// parseAnswer reads a response. Aliases are followed by the server (RFC 1034 §4.3.2); here they only bound the time that
// the answer holds.
func parseAnswer(message []byte, id uint16, name dnsmessage.Name, kind dnsmessage.Type) (*records, error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.ID != id || !header.Response {
		return nil, errOther
	}
	question, err := p.Question()
	if err != nil || question.Type != kind || question.Class != dnsmessage.ClassINET || !sameName(question.Name, name) {
		return nil, errOther
	}
	switch {
	case header.Truncated:
		return nil, errTruncated
	case header.RCode == dnsmessage.RCodeNameError:
		return nil, errNoName
	case header.RCode != dnsmessage.RCodeSuccess:
		return nil, fmt.Errorf("answers %s", strings.TrimPrefix(header.RCode.String(), "RCode"))
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, err
	}
	return readAnswers(&p, kind)
}

// readAnswers takes the records of the kind that was asked for.
func readAnswers(p *dnsmessage.Parser, kind dnsmessage.Type) (*records, error) {
	r := &records{}
	for first := true; ; first = false {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, err
		}
		if first || h.TTL < r.ttl {
			r.ttl = h.TTL
		}
		if h.Type != kind {
			err = p.SkipAnswer()
		} else {
			err = r.read(p, kind)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.empty() {
		return nil, errNoRecord
	}
	return r, nil
}

func (r *records) read(p *dnsmessage.Parser, kind dnsmessage.Type) error {
	switch kind {
	case dnsmessage.TypeA:
		a, err := p.AResource()
		r.addresses = append(r.addresses, netip.AddrFrom4(a.A))
		return err
	case dnsmessage.TypeAAAA:
		a, err := p.AAAAResource()
		r.addresses = append(r.addresses, netip.AddrFrom16(a.AAAA).Unmap())
		return err
	case dnsmessage.TypeSRV:
		s, err := p.SRVResource()
		r.servers = append(r.servers, s)
		return err
	default:
		return p.SkipAnswer()
	}
}

func (r *records) add(other *records) {
	if r.empty() || other.ttl < r.ttl {
		r.ttl = other.ttl
	}
	r.addresses = append(r.addresses, other.addresses...)
	r.servers = append(r.servers, other.servers...)
}

func (r *records) empty() bool { return len(r.addresses) == 0 && len(r.servers) == 0 }

// holds is the time until the records are to be asked for again.
func (r *records) holds() time.Duration {
	return min(max(time.Duration(r.ttl)*time.Second, minTTL), maxTTL)
}

// services are the entries of the most preferred priority, the lowest number, in a stable order. A target of "." says that
// there is no such service (RFC 2782). One that is no host name is left out: DNS carries any bytes (RFC 2181 §11), and the
// name of a backend comes to stand in Host, in logs and in labels.
func (r *records) services() (list []Service) {
	if len(r.servers) == 0 {
		return nil
	}
	best, largest := r.servers[0].Priority, uint16(0)
	for _, s := range r.servers {
		best, largest = min(best, s.Priority), max(largest, s.Weight)
	}
	for _, s := range r.servers {
		host := strings.TrimSuffix(strings.ToLower(s.Target.String()), ".")
		if s.Priority == best && messages.IsHost(host) && s.Port != 0 {
			list = append(list, Service{host, s.Port, bounded(s.Weight, largest)})
		}
	}
	slices.SortFunc(list, compareServices)
	return slices.CompactFunc(list, func(a, b Service) bool { return a.Host == b.Host && a.Port == b.Port })
}

func compareServices(a, b Service) int {
	if c := strings.Compare(a.Host, b.Host); c != 0 {
		return c
	}
	return int(a.Port) - int(b.Port)
}

// bounded brings the weight of an entry, 0 to 65535, into our range.
func bounded(weight, largest uint16) int {
	if largest > messages.MaxWeight {
		return max(1, int(weight)*messages.MaxWeight/int(largest))
	}
	return max(1, int(weight))
}

package actors

import (
	"sync"

	"lb/messages"
)

// pages are those that a worker process has its master make for clients.
type pages struct {
	uplink Uplink

	mu      sync.Mutex
	number  uint64
	waiting map[uint64]func(status int, contentType string, body []byte)
}

func newPages(u Uplink) *pages {
	return &pages{uplink: u, waiting: make(map[uint64]func(int, string, []byte))}
}

// ask is a localAnswer.
func (p *pages) ask(path string, reply func(status int, contentType string, body []byte)) {
	p.mu.Lock()
	p.number++
	number := p.number
	full := len(p.waiting) >= adminAtATime
	if !full {
		p.waiting[number] = reply
	}
	p.mu.Unlock()
	if full {
		reply(503, "text/plain; charset=utf-8", []byte("too many requests at a time\n"))
		return
	}
	_ = p.uplink.Send(messages.PageAsked{Number: number, Path: path}) // without a master the process ends
}

// answered takes a page. A second one for the same question is none.
func (p *pages) answered(m messages.Page) {
	p.mu.Lock()
	reply := p.waiting[m.Number]
	delete(p.waiting, m.Number)
	p.mu.Unlock()
	if reply != nil {
		reply(m.Status, m.Type, m.Body)
	}
}

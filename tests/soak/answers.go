//go:build linux

package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"
)

// nobody reads what net/http complains of: resets and nonsense are what this is about.
var nobody = log.New(io.Discard, "", 0)

// answers are what an origin has for each kind of request.
func (o *origin) answers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/bytes", sendPiece)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/tunnel", tunnel)
	mux.HandleFunc("/bad/reset", resetAmid)
	mux.HandleFunc("/bad/nonsense", talkNonsense)
	mux.HandleFunc("/bad/late", late)
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		sendPiece(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(o.pause)
		mux.ServeHTTP(w, r)
	})
}

func pieceOf(r *http.Request) (piece, bool) {
	at, err1 := strconv.Atoi(r.FormValue("at"))
	size, err2 := strconv.Atoi(r.FormValue("size"))
	ok := err1 == nil && err2 == nil && min(at, size) >= 0 && at+size <= len(sea)
	return piece{at, size}, ok
}

// sendPiece sends the bytes that were asked for, with their number or in chunks.
func sendPiece(w http.ResponseWriter, r *http.Request) {
	p, ok := pieceOf(r)
	if !ok {
		http.Error(w, "no such piece", http.StatusBadRequest)
		return
	}
	if r.FormValue("chunked") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(p.size))
		w.Write(p.bytes())
		return
	}
	for rest := p.bytes(); len(rest) > 0; {
		n, err := w.Write(rest[:min(len(rest), 5000)])
		if err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		rest = rest[n:]
	}
}

// echo sends back what comes while it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).EnableFullDuplex()
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	if _, err := io.Copy(w, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// eventPause is the time between two events of a stream.
const eventPause = 250 * time.Millisecond

// events sends so many events and ends the stream.
func events(w http.ResponseWriter, r *http.Request) {
	count, _ := strconv.Atoi(r.FormValue("count"))
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range count {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		time.Sleep(eventPause)
	}
}

// tunnel sends back each line.
func tunnel(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, which lb does not ask
		http.Error(w, "no tunnel here", http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	if l, ok := conn.(*line); ok {
		l.opaque.Store(true)
	}
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	for {
		text, err := buffered.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// resetAmid ends the connection, or the stream, in the middle of a body.
func resetAmid(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100000")
	w.Write(sea[:50000])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// talkNonsense answers with what is no response. By HTTP/2 it ends in the middle instead: a request that fails before
// a byte of the answer would be repeated, and take down backends that get nothing else, as most do under a hash.
func talkNonsense(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		resetAmid(w, r)
	}
	defer conn.Close()
	io.WriteString(conn, "SMTP 220 ready\r\n\r\n")
}

// late answers after lb's time for it.
func late(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(responseTimeout + time.Second):
	}
}

package actors

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
)

// pages are what the admin shows to whoever asks, as an http.Handler.
//
//	GET /metrics  the metrics, for Prometheus
//	GET /status   all that is known, as JSON
//	GET /tree     the live supervision tree, as text or JSON
//	GET /readyz   200 when new clients may be sent here, else 503 with the reason
//	GET /livez    200
func (q *survey) pages() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", q.metricsPage)
	mux.HandleFunc("GET /status", q.statusPage)
	mux.HandleFunc("GET /tree", q.treePage)
	mux.HandleFunc("GET /readyz", q.readyPage)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "/metrics\n/status\n/tree\n/readyz\n/livez")
	})
	return mux
}

func (q *survey) metricsPage(w http.ResponseWriter, _ *http.Request) {
	status, contentType, body := q.metrics()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	write(w, body)
}

// metrics is the answer to GET /metrics, whichever way it came.
func (q *survey) metrics() (status int, contentType string, body []byte) {
	p, err := q.picture()
	if err != nil {
		return http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte(err.Error() + "\n")
	}
	return http.StatusOK, expositionType, exposeMetrics(p)
}

func (q *survey) statusPage(w http.ResponseWriter, _ *http.Request) {
	p, err := q.picture()
	if err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, statusOf(p))
}

func (q *survey) treePage(w http.ResponseWriter, r *http.Request) {
	nodes := q.system.Tree()
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, treeOf(q.version, nodes))
		return
	}
	writeText(w, http.StatusOK, strings.TrimSuffix(renderTree(nodes), "\n"))
}

func (q *survey) readyPage(w http.ResponseWriter, _ *http.Request) {
	if r := q.readiness(); !r.ready {
		writeText(w, http.StatusServiceUnavailable, r.reason)
		return
	}
	writeText(w, http.StatusOK, "ready")
}

// wantsJSON goes by ?format=, then by Accept.
func wantsJSON(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	write(w, []byte(text+"\n"))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		writeText(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, append(body, '\n'))
}

// write does not tell of an error: who asked is gone.
func write(w io.Writer, body []byte) { _, _ = w.Write(body) }

func complaints(l zerolog.Logger) *log.Logger { return log.New(logWriter{l}, "", 0) }

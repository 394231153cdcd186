// Package downstream is the client side of a worker: the connections of clients, their keep-alive, limits and deadlines.
//
// A connection reads a request head and has the Server begin an exchange. It then hands the body to that exchange, and
// writes what the exchange has to say: an interim or final head, data, the end. When the exchange is Done the connection
// goes on with the next request, which may have come already (RFC 9112 §9.3.2: answers keep the order of the requests).
//
// Everything here belongs to one loop and is touched by that loop's thread only.
package downstream

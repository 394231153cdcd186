package balance_test

import (
	"fmt"

	"lb/messages"
	"lb/proxy/balance"
)

func ExampleBalancer() {
	strong := &balance.Member{Weight: 3, Owner: "strong"}
	weak := &balance.Member{Weight: 1, Owner: "weak"}

	b := balance.New(nil)
	b.Set(messages.Weighted, []*balance.Member{strong, weak})
	shares := map[any]int{}
	for range 100 {
		shares[b.Pick(balance.Request{}).Owner]++
	}
	fmt.Println("of 100 picks:", shares)
	fmt.Println("after strong failed:", b.Pick(balance.Request{Tried: []*balance.Member{strong}}).Owner)
	fmt.Println("after both failed:", b.Pick(balance.Request{Tried: []*balance.Member{strong, weak}}) != nil)
	// Output:
	// of 100 picks: map[strong:75 weak:25]
	// after strong failed: weak
	// after both failed: false
}

package messages

import "strings"

// Nearest returns the known word that is the fewest edits away from word, or "" when none is near enough to be what was
// meant: more than a third of the word would have to change, and more than one letter. Case is ignored, a tie goes to
// the earlier word, and swapping two neighbouring letters counts as one edit, as that is the commonest slip.
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", max(1, (len(word)+2)/3)+1
	for _, candidate := range known {
		if d := editDistance(word, strings.ToLower(candidate), least); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance of a and b in bytes. It is at least the difference in length,
// so words longer or shorter by limit are not compared at all: hostile lengths cost nothing.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

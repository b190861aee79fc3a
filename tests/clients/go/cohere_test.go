// cohere-go, unmodified, against the server at NARABI_URL (tests/clients/run.sh starts it).
package clients

import (
	"context"
	"os"
	"testing"

	cohere "github.com/cohere-ai/cohere-go/v2"
	"github.com/cohere-ai/cohere-go/v2/client"
)

const query = "日本の首都はどこですか"

var documents = []string{"京都は古い都である。", "東京は日本の首都である。", "猫は動物である。"}

func connect() *client.Client {
	return client.NewClient(client.WithBaseURL(os.Getenv("NARABI_URL")), client.WithToken("a-key"))
}

func TestV2Reranks(t *testing.T) {
	top := 2
	answer, err := connect().V2.Rerank(context.Background(), &cohere.V2RerankRequest{
		Model: "rerank-v3.5", Query: query, Documents: documents, TopN: &top})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Results) != 2 || answer.Results[0].Index != 1 {
		t.Fatalf("expected the second document first of two, found %v", answer.Results)
	}
	if answer.Results[0].RelevanceScore <= answer.Results[1].RelevanceScore {
		t.Fatalf("scores do not fall: %v", answer.Results)
	}
}

func TestReadsOurRefusals(t *testing.T) {
	_, err := connect().V2.Rerank(context.Background(), &cohere.V2RerankRequest{
		Model: "no-such-model", Query: query, Documents: documents})
	if err == nil {
		t.Fatal("expected an error for a model that is not there")
	}
}

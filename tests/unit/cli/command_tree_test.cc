#include "cli/command_tree.h"

#include <doctest/doctest.h>

namespace webhook {
namespace {

TEST_CASE("what is close to a word is what was meant") {
  const std::vector<std::string> words = {"serve",   "mutate", "review",   "explain",
                                          "version", "help",   "--output", "-o"};
  struct Row {
    const char* word;
    const char* want;
  };
  for (const Row& row : {
           Row{"serv", "serve"},
           Row{"sevre", "serve"},
           Row{"servee", "serve"},
           Row{"mutat", "mutate"},
           Row{"ver", "version"},
           Row{"expl", "explain"},
           Row{"reveiw", "review"},
           Row{"--outptu", "--output"},
           Row{"--out", "--output"},
           Row{"hlep", "help"},
           Row{"", ""},
           Row{"x", ""},
           Row{"--kube-version", ""},
           Row{"delete", ""},
           Row{"se", ""},
           Row{"Serve", "serve"},
       }) {
    CAPTURE(row.word);
    CHECK(nearest(row.word, words) == row.want);
  }
}

}  // namespace
}  // namespace webhook

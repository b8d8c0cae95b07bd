#include "http/query.h"

#include <doctest/doctest.h>

namespace webhook {

TEST_CASE("a parameter of a query is found and decoded") {
  CHECK(query_value("timeout=10s", "timeout") == "10s");
  CHECK(query_value("a=%20b&timeout=1m30s", "timeout") == "1m30s");
  CHECK(query_value("timeout=5%c2%B5s", "timeout") == "5\u00b5s");
  CHECK(query_value("%74imeout=a+b=c", "timeout") == "a b=c");
  CHECK(query_value("timeout=1s&timeout=2s", "timeout") == "1s");
  CHECK(query_value("verbose", "verbose") == "");
  CHECK(query_value("a&&verbose=&b", "verbose") == "");
  CHECK(query_value("a=100%&b=%4&c=%zz&d=%+1", "a") == "100%");
  CHECK(query_value("a=100%&b=%4&c=%zz&d=%+1", "b") == "%4");
  CHECK(query_value("a=100%&b=%4&c=%zz&d=%+1", "c") == "%zz");
  CHECK(query_value("a=100%&b=%4&c=%zz&d=%+1", "d") == "% 1");
}

TEST_CASE("a parameter that is not there has no value") {
  for (const char* query : {"", "&", "=", "=timeout", "timeouts=1s", "Timeout=1s", "a=timeout"}) {
    CAPTURE(query);
    CHECK_FALSE(query_value(query, "timeout").has_value());
  }
}

}  // namespace webhook

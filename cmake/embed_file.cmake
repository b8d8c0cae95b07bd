# Run by webhook_embed(): writes `in` as a C++ byte array to `out`.
file(READ ${in} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "(('[^']*',){16})" "\\1\n" bytes "${bytes}")
file(WRITE ${out} "#include <string_view>
namespace webhook {
namespace {
constexpr char kBytes[] = {
${bytes}};
}
extern const std::string_view ${symbol};
const std::string_view ${symbol}(kBytes, sizeof kBytes);
}
")

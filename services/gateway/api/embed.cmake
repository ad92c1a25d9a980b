# Writes a file as a C++ byte array: cmake -DINPUT=… -DOUTPUT=… -P embed.cmake
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REPEAT "0x..," 16 row)
string(REGEX REPLACE "(${row})"
       "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"services/gateway/api/descriptor_set.h\"
namespace peerwatt::gateway {
namespace {
constexpr unsigned char kBytes[] = {
${bytes}0};
}  // namespace
std::string DescriptorSetBytes() {
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes) - 1};
}
}  // namespace peerwatt::gateway
")

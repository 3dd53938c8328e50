import Aviary
import AviaryServing

/// Bodies of requests, each behind a line that says what it is: what clients send to a server.
enum FuzzedRequests {
  static let corpus: [[UInt8]] = {
    let binary =
      #"{"id":"1","inputs":[{"name":"input","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},"#
      + #"{"name":"b","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}}],"#
      + #""outputs":[{"name":"probabilities","parameters":{"classification":3,"binary_data":true}}],"parameters":{"timeout":5}}"#
    let json =
      #"{"inputs":[{"name":"input","shape":[2,2],"datatype":"FP32","data":[[1,2.5e0],[-3,4]]},"#
      + #"{"name":"u","shape":[3],"datatype":"UINT8","data":[0,255,7]},"#
      + #"{"name":"c","shape":[1],"datatype":"BYTES","data":["AQIDBA=="]}],"outputs":[{"name":"logits"}]}"#
    let form =
      "--b\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n--b\r\nContent-Disposition: form-data; "
      + "name=\"a\"; filename=\"x\\\"y.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nbytes\r\n--b--\r\n"
    let rows = #"{"instances":[{"age":1.5,"colour":"red"},{"age":null,"colour":"green"},{"colour":true,"age":"2"}]}"#
    return [
      Array("infer \(binary.utf8.count)\n\(binary)".utf8) + [
        0, 0, 128, 63, 0, 0, 0, 192, 3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0,
      ],
      Array("infer\n\(json)".utf8), Array("form b\n\(form)".utf8), Array("rows\n\(rows)".utf8),
      Array("head\n/v2/models/a%20b/versions/1/infer?model=x%3D&top=+3".utf8),
      Array("head\nmultipart/form-data; boundary=\"a;\\\"b\"; x=y".utf8),
    ] + PackedRequests.corpus
  }()

  /// Reads a body as the server does. Faults are what is expected.
  static func read(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 0x0a) else { return }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ").map(String.init)
    read(Array(bytes[(end + 1)...]), words[...])
  }

  private static func read(_ body: [UInt8], _ words: ArraySlice<String>) {
    switch words.first {
    case "packed":
      // And then what was packed.
      guard let body = RequestReaders.unpacked(body, encoding: words.dropFirst().first ?? "gzip") else { return }
      read(body, words.dropFirst(2))
    case "infer": RequestReaders.inference(body, headerLength: words.dropFirst().first)
    case "form": RequestReaders.form(body, boundary: words.dropFirst().first ?? "b")
    case "rows": RequestReaders.rows(body)
    default: RequestReaders.head(String(decoding: body, as: UTF8.self))
    }
  }
}

import Aviary
import Testing

@testable import AviaryServing

/// Requests and answers of the Open Inference Protocol as bytes.
@Suite struct ProtocolTests {
  private func request(_ json: String, _ binary: [UInt8] = [], header: Bool = true) throws -> InferenceRequest {
    let text = Array(json.utf8)
    return try InferenceRequest(text + binary, headerLength: header ? "\(text.count)" : nil)
  }

  @Test func numbersComeFromJSONInAnyNesting() throws {
    let flat = try request(
      #"{"id":"a","inputs":[{"name":"input","shape":[2,2],"datatype":"FP32","data":[1,2.5,-3e1,4]}]}"#, header: false)
    let nested = try request(
      #"{"id":"a","inputs":[{"data":[[1,2.5],[-30,4.0]],"name":"input","shape":[2,2],"datatype":"FP32"}]}"#,
      header: false)
    #expect(flat == nested)
    #expect(flat.id == "a" && flat.outputs == nil)
    #expect(flat.inputs == [.init(name: "input", shape: [2, 2], elements: .float32([1, 2.5, -30, 4]))])
  }

  /// Lists in data of the shape [2, 3], and whether their elements are in its order.
  @Test(arguments: [
    ("[1,2,3,4,5,6]", true), ("[[1,2,3],[4,5,6]]", true), ("[[1,2,3,4,5,6]]", true), ("[[[1,2,3]],[[4,5,6]]]", true),
    ("[[1,2],[3,4],[5,6]]", false), ("[[1,2,3,4],[5,6]]", false), ("[1,[2,3,4,5,6]]", false),
    ("[[1,2,3,4,5,6],[]]", false), ("[[1],[2],[3],[4],[5],[6]]", true),
  ]) func listsInDataAreThoseOfTheShape(_ data: String, _ fits: Bool) throws {
    let json = #"{"inputs":[{"name":"a","shape":[2,3],"datatype":"FP32","data":\#(data)}]}"#
    if fits {
      #expect(try request(json, header: false).inputs[0].elements == .float32([1, 2, 3, 4, 5, 6]))
    } else {
      #expect {
        try request(json, header: false)
      } throws: {
        "\($0)".contains("not those of the shape [2, 3]")
      }
    }
  }

  /// Elements of a type as JSON and as bytes, and the float32 that NumPy's `astype` makes of them.
  @Test(
    arguments: [
      ("BOOL", "[true,false]", [1, 0], [1, 0]), ("BOOL", "[1,0]", [1, 0], [1, 0]),
      ("INT8", "[-128,127]", [128, 127], [-128, 127]), ("UINT16", "[1,65535]", [1, 0, 255, 255], [1, 65535]),
      ("INT16", "[1,-2]", [1, 0, 254, 255], [1, -2]),
      ("UINT32", "[1,4294967295]", [1, 0, 0, 0, 255, 255, 255, 255], [1, 4_294_967_296]),
      ("INT32", "[16777217,-3]", [1, 0, 0, 1, 253, 255, 255, 255], [16_777_216, -3]),
      ("UINT64", "[1,258]", [1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0], [1, 258]),
      (
        "INT64", "[-1,9223372036854775807]",
        [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 127], [-1, 0x1p63]
      ),
      ("FP16", "[1,-2.5]", [0, 0x3c, 0, 0xc1], [1, -2.5]), ("BF16", "[1,-2.5]", [0x80, 0x3f, 0x20, 0xc0], [1, -2.5]),
      (
        "FP64", "[0.1,-2]", [0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0], [0.1, -2]
      ),
    ] as [(String, String, [UInt8], [Float])]) func numbersOfAnyTypeAreTaken(
      _ type: String, _ data: String, _ bytes: [UInt8], _ expected: [Float]
    ) throws
  {
    let head = #""name":"a","shape":[2],"datatype":"\#(type)""#
    let asJSON = try request(#"{"inputs":[{\#(head),"data":\#(data)}]}"#, header: false)
    #expect(asJSON.inputs[0].elements == .float32(expected))
    let json = #"{"inputs":[{\#(head),"parameters":{"binary_data_size":\#(bytes.count)}}]}"#
    #expect(try request(json, bytes).inputs[0].elements == .float32(expected))
    let fault = #expect(throws: ServingFault.self) {
      try request(json.replacing(":\(bytes.count)}", with: ":\(bytes.count - 1)}"), Array(bytes.dropLast()))
    }
    #expect(fault.map { "\($0)".contains("are not 2 elements") } == true, "\(String(describing: fault))")
  }

  @Test func bytesThatAreNoNumbersAreRefused() throws {
    let json = #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}"#
    #expect(try request(json, [0, 0, 128, 63]).inputs[0].elements == .float32([1]))
    for bytes: [UInt8] in [[0, 0, 192, 127], [0, 0, 128, 255]] {
      #expect(throws: ServingFault.malformed("input 'a' has a number that is not finite")) { try request(json, bytes) }
    }
    // 1e300
    let double = json.replacing("FP32", with: "FP64").replacing(":4}", with: ":8}")
    #expect(throws: ServingFault.malformed("input 'a' has a number that is not finite, or too large for FP32")) {
      try request(double, [0x9c, 0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0x7e])
    }
  }

  @Test func binaryInputsFollowTheJSONInOrder() throws {
    let found = try request(
      """
      {"inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},
      {"name":"b","shape":[3],"datatype":"UINT8","data":[1,2,255]},
      {"name":"c","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}}],
      "parameters":{"binary_data_output":true,"timeout":1500000},
      "outputs":[{"name":"x"},{"name":"y","parameters":{"binary_data":false,"classification":3}}]}
      """, [0, 0, 128, 63, 0, 0, 0, 192, 3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0])
    #expect(found.inputs.map(\.elements) == [.float32([1, -2]), .uint8([1, 2, 255]), .bytes([[7, 8, 9], []])])
    #expect(found.timeout == 1_500_000 && found.hasBinaryOutputs)
    #expect(
      found.outputs == [
        .init(name: "x", isBinary: true, classes: nil), .init(name: "y", isBinary: false, classes: 3),
      ])
  }

  @Test func filesInJSONAreBase64() throws {
    let found = try request(
      #"{"inputs":[{"name":"i","shape":[3],"datatype":"BYTES","data":["AQID","/-8=","QUI"]}]}"#, header: false)
    #expect(found.inputs[0].elements == .bytes([[1, 2, 3], [255, 239], [65, 66]]))
  }

  @Test(arguments: ["A", "AQ=D", "A===", "AQID=", "AQ I", "é"]) func whatIsNotBase64IsRefused(_ text: String) {
    #expect(Base64.decoded(text) == nil)
  }

  /// An input, and what the line about it says.
  @Test(arguments: [
    (#"{}"#, "no inputs"), (#"[]"#, "at byte 0"), (#"{"inputs":[]} x"#, "follows"),
    (#"{"inputs":{}}"#, "an array is expected"), (#"{"inputs":[{"shape":[1]}]}"#, "no name"),
    (#"{"inputs":[{"name":"a","datatype":"FP32","data":[1]}]}"#, "no shape"),
    (#"{"inputs":[{"name":"a","shape":[1.5],"datatype":"FP32","data":[1]}]}"#, "no shape"),
    (#"{"inputs":[{"name":"a","shape":[1],"data":[1]}]}"#, "no datatype"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"INT4","data":[1]}]}"#, "is INT4; the types are BOOL, UINT8,"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32"}]}"#, "no data"),
    (#"{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1]}]}"#, "1 elements"),
    (#"{"inputs":[{"name":"a","shape":[0],"datatype":"FP32","data":[]}]}"#, "at least 1"),
    (#"{"inputs":[{"name":"a","shape":[-1],"datatype":"FP32","data":[1]}]}"#, "at least 1"),
    (#"{"inputs":[{"name":"a","shape":[],"datatype":"FP32","data":[1]}]}"#, "0 axes"),
    (#"{"inputs":[{"name":"a","shape":[4611686018427387904,4],"datatype":"FP32","data":[1]}]}"#, "too large"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1e999]}]}"#, "finite"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[NaN]}]}"#, "finite"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[null]}]}"#, "finite"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":["x"]}]}"#, "texts"),
    (#"{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":["x",1]}]}"#, "mixes"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"UINT8","data":[256]}]}"#, "0 to 255"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[-129]}]}"#, "from -128 to 127"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"INT64","data":[1.5]}]}"#, "has 1.5, and INT64 has whole numbers"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"BOOL","data":[2]}]}"#, "from 0 to 1"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[true]}]}"#, "true or false"),
    (#"{"inputs":[{"name":"a","shape":[2],"datatype":"BOOL","data":[true,1]}]}"#, "mixes"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":[true]}]}"#, "no texts"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":[1]}]}"#, "no texts"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":["?"]}]}"#, "Base64"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[[[[[[[[[1]]]]]]]]]}]}"#, "deeply"),
    (#"{"inputs":[{"name":"a","name":"b","shape":[1],"datatype":"FP32","data":[1]}]}"#, "two members"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}"#, "0 are left"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":-4}}]}"#, "-4 bytes"),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":"4"}}]}"#,
      "binary_data_size is not a whole number"
    ),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}]}"#,
      "shared memory"
    ),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"b","parameters":{"shared_memory_region":"r"}}]}"#,
      "output 'b': shared memory"
    ),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"b","parameters":{"binary_data":1}}]}"#,
      "binary_data of output 'b' is 1"
    ),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"parameters":{"binary_data_output":"true"}}"#,
      "binary_data_output of the request"
    ),
    (#"{"id":42,"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}]}"#, "the id is not a text"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"parameters":{"timeout":0}}"#, "timeout"),
    (#"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{}]}"#, "no name"),
    (
      #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"b","parameters":{"classification":0}}]}"#,
      "classification"
    ),
  ]) func whatIsWrongIsSaid(_ json: String, _ words: String) throws {
    let fault = #expect(throws: ServingFault.self) { try request(json, header: false) }
    guard case .malformed(let reason)? = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(reason.contains(words), "\(reason)")
  }

  @Test func lengthsThatLieAreRefused() throws {
    let json = #"{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":8}}]}"#
    // A text that claims more than there is, one that leaves bytes over, and bytes of no input.
    for binary: [UInt8] in [[5, 0, 0, 0, 1, 2, 3, 4], [3, 0, 0, 0, 1, 2, 3, 4], [255, 255, 255, 255, 1, 2, 3, 4]] {
      #expect(throws: ServingFault.self) { try request(json, binary) }
    }
    #expect(throws: ServingFault.self) { try request(json, [4, 0, 0, 0, 1, 2, 3, 4, 9]) }
    #expect(try request(json, [4, 0, 0, 0, 1, 2, 3, 4]).inputs[0].elements == .bytes([[1, 2, 3, 4]]))
    for length in ["-1", "1000", "x", ""] {
      #expect(throws: ServingFault.self) { try InferenceRequest(Array(json.utf8), headerLength: length) }
    }
  }

  @Test func answersAreJSONWithBytesBehind() throws {
    let numbers = InferenceResponse.Output(
      .init(name: "p", isBinary: true, classes: nil), values: [0.25, 0.75], width: 2, labels: []
    ) { ClassDecision.mostProbable.order($1) }
    let classes = InferenceResponse.Output(
      .init(name: "c", isBinary: false, classes: 5), values: [0.25, 0.75, 0.5, 0.5], width: 2, labels: ["cat", "a:b"]
    ) { ClassDecision.mostProbable.order($1) }
    let response = InferenceResponse(model: "m", version: "2", id: "7", outputs: [numbers, classes]).response
    let length = try #require(response["Inference-Header-Content-Length"].flatMap { Int($0) })
    let json = try JSONValue(parsing: response.body[..<length])
    #expect(response["Content-Type"] == "application/octet-stream")
    #expect(json["model_name"]?.text == "m" && json["model_version"]?.text == "2" && json["id"]?.text == "7")
    let outputs = try #require(json["outputs"]?.elements)
    #expect(outputs[0]["parameters"]?["binary_data_size"]?.integer == 8 && outputs[0]["data"] == nil)
    #expect(Array(response.body[length...]) == [0, 0, 128, 62, 0, 0, 64, 63])
    #expect(outputs[1]["datatype"]?.text == "BYTES" && outputs[1]["shape"]?.elements?.map(\.integer) == [2, 2])
    // Of equal numbers the first class comes first.
    #expect(outputs[1]["data"]?.texts == ["0.75:1:a:b", "0.25:0:cat", "0.5:0:cat", "0.5:1:a:b"])
  }
}

@Suite struct MultipartTests {
  private func parts(_ text: String, _ boundary: String = "b") throws -> [MultipartBody.Part] {
    try MultipartBody(Array(text.utf8), boundary: boundary).parts
  }

  @Test func fieldsAndFilesAreFound() throws {
    let found = try parts(
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n--b \r\ncontent-disposition: form-data; "
        + "name=photo; filename=\"a \\\"b\\\"; c.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\r\n--bx\r\n\r\n--b--\r\nepilogue"
    )
    #expect(found.map(\.name) == ["top", "photo"])
    #expect(found[0].text == "3" && found[0].file == nil)
    #expect(found[1].file == "a \"b\"; c.jpg")
    #expect(found[1].text == "\r\n--bx\r\n", "what only begins like the boundary is content")
  }

  @Test func aFormWithoutPartsIsEmpty() throws { #expect(try parts("--b--").isEmpty) }

  @Test(arguments: [
    "", "--", "--c\r\n\r\n\r\n--c--", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
    "--b\r\n\r\nx\r\n--b--", "--b\r\nContent-Disposition: form-data; name=a\r\n--b--",
  ]) func whatIsNoFormIsRefused(_ text: String) {
    #expect(throws: ServingFault.self) { try parts(text) }
  }

  @Test func theNumberOfPartsIsBounded() {
    let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
    #expect(throws: ServingFault.self) { try parts(String(repeating: part, count: 65) + "--b--") }
    #expect(throws: ServingFault.self) { try parts("--b--", "") }
    #expect(throws: ServingFault.self) { try parts("--b--", String(repeating: "b", count: 71)) }
  }
}

@Suite struct HeadTests {
  @Test func pathsAndQueriesAreDecoded() {
    let head = RequestHead(.get, "/v2/models/a%20b%2Fc?model=x%3D1&top=+3&top=4&flag&=&%zz=1")
    #expect(head.components == ["v2", "models", "a b/c"])
    #expect(head.query == ["model": "x=1", "top": " 3", "flag": "", "": ""])
    for target in ["/%", "/%4", "/%gg", "/%ff"] { #expect(RequestHead(.get, target).components == nil) }
  }

  @Test(arguments: [
    ("image/png", "image/png", true), ("image/png, */*", "image/png", true), ("*/*", "image/png", false),
    ("application/json, image/png", "image/png", false), ("text/html;q=1, text/plain;q=0.5", "text/plain", true),
    ("", "image/png", false),
  ]) func theFirstTypeThatIsKnownIsSent(_ header: String, _ type: String, _ isWanted: Bool) {
    #expect(MediaType.accepts(type, in: header) == isWanted)
  }

  @Test(
    arguments: [
      ("GET", "/", Route.page), ("GET", "/v2/", .server), ("HEAD", "/v2/health/live", .live),
      ("POST", "/v2/repository/index", .repository), ("GET", "/v2/models/m", .model(name: "m", version: nil)),
      ("GET", "/v2/models/m/versions/3/ready", .modelReady(name: "m", version: "3")),
      ("POST", "/v2/models/m/versions/3/infer", .infer(name: "m", version: "3")),
      ("POST", "/v1/models/m:predict", .predict(model: "m")),
      ("POST", "/v1/models/a:b:explain", .explain(model: "a:b")),
      ("GET", "/v1/models/m", .oldReady(name: "m")), ("POST", "/predict?model=x", .predict(model: nil)),
    ] as [(String, String, Route)]) func pathsAreRoutes(_ method: String, _ path: String, _ route: Route) throws
  {
    #expect(try Route(RequestHead(.init(rawValue: method) ?? .other, path)) == route)
  }

  @Test func otherPathsAndMethodsAreRefused() {
    for path in [
      "/x", "/v2/x", "/v2/models", "/v2/models/m/versions", "/v2/models/m/infer/x", "/v3", "/predict/m", "/v1/m",
    ] {
      #expect(throws: ServingFault.noPath(path)) { try Route(RequestHead(.get, path)) }
    }
    #expect(throws: ServingFault.method("/predict", allowed: "POST")) { try Route(RequestHead(.get, "/predict")) }
    #expect(throws: ServingFault.method("/", allowed: "GET, HEAD")) { try Route(RequestHead(.post, "/")) }
    #expect(throws: ServingFault.method("/v2", allowed: "GET, HEAD")) { try Route(RequestHead(.other, "/v2")) }
  }

  @Test func keysAreComparedAsAWhole() throws {
    let key = try #require(APIKey("secret\n"))
    func isGiven(_ name: String, _ value: String) -> Bool {
      key.isGiven(in: RequestHead(.get, "/", headers: [name: value]))
    }
    #expect(isGiven("x-api-key", "secret") && isGiven("authorization", "Bearer secret"))
    #expect(isGiven("authorization", "bearer  secret"))
    for wrong in ["", "s", "secre", "secrets", "secretsecret", "Secret", "xecret"] {
      #expect(!isGiven("x-api-key", wrong) && !isGiven("authorization", "Bearer " + wrong), "\(wrong)")
    }
    #expect(!isGiven("authorization", "secret") && !isGiven("authorization", "Basic secret"))
    for bad in ["", " ", "a b", "é", "a\u{1}"] { #expect(APIKey(bad) == nil) }
  }
}

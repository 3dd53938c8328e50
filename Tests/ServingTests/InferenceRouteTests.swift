import Aviary
import Testing

@testable import AviaryServing

/// The Open Inference Protocol without sockets.
@Suite struct InferenceRouteTests {
  private let setting: RouteSetting
  private var service: InferenceService { setting.service }

  init() throws { setting = try RouteSetting() }

  @Test func filesPixelsAndNumbersGiveTheSame() async throws {
    let wanted = try setting.expected(6)
    let image = try DecodedImage(decoding: Toy.jpeg(6), named: "x")
    let numbers = setting.predictor.preprocessing(image).scalars
    let file = Toy.jpeg(6)
    let length = UInt32(file.count)
    let prefixed = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + file
    let floats = InferenceTensor.Elements.binary(numbers)
    for (input, bytes) in [
      (#""datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":\#(prefixed.count)}"#, prefixed),
      (#""datatype":"FP32","shape":[1,3,32,32],"parameters":{"binary_data_size":\#(floats.count)}"#, floats),
      (#""datatype":"UINT8","shape":[1,30,40,3],"parameters":{"binary_data_size":3600}"#, image.pixels),
      (#""datatype":"UINT8","shape":[30,40,3],"parameters":{"binary_data_size":3600}"#, image.pixels),
      (#""datatype":"FP32","shape":[1,3,32,32],"data":[\#(numbers.map { "\($0)" }.joined(separator: ","))]"#, []),
    ] {
      let response = await setting.infer(
        #"{"id":"q","inputs":[{"name":"input",\#(input)}],"outputs":[{"name":"probabilities"},{"name":"logits","parameters":{"classification":1}}]}"#,
        bytes)
      #expect(response.status == 200 && response.json["id"]?.text == "q", "\(response.text)")
      let outputs = response.json["outputs"]?.elements ?? []
      let found = outputs.first?["data"]?.elements?.compactMap { $0.double.map { Float($0) } } ?? []
      #expect(areClose(Dictionary(zip(["cat", "dog", "Käuzchen"], found)) { first, _ in first }, wanted))
      let best = wanted.max { $0.value < $1.value }!.key
      #expect(outputs.last?["data"]?.texts?.first?.hasSuffix(":" + best) == true)
    }
  }

  @Test(arguments: [
    (#""name":"x","datatype":"UINT8","shape":[1,1,1,3],"data":[1,2,3]"#, "no input 'x'"),
    (#""name":"input","datatype":"UINT8","shape":[1,3],"data":[1,2,3]"#, "[N, height, width, 3]"),
    (#""name":"input","datatype":"UINT8","shape":[1,1,3,1],"data":[1,2,3]"#, "[N, height, width, 3]"),
    (#""name":"input","datatype":"FP32","shape":[1,3],"data":[1,2,3]"#, "[-1, 3, 32, 32]"),
    (
      #""name":"input","datatype":"BYTES","shape":[17],"data":["","","","","","","","","","","","","","","","",""]"#,
      "17 is more than the 16"
    ),
    (#""name":"input","datatype":"BYTES","shape":[1],"data":[""]"#, "not an image"),
  ]) func inputsThatDoNotFitAreRefused(_ input: String, _ words: String) async {
    let response = await setting.infer(#"{"inputs":[{\#(input)}]}"#)
    #expect([400, 415].contains(response.status) && response.text.contains(words), "\(response.text)")
  }

  @Test func outputsThatAreNotThereAreNamed() async {
    let response = await setting.infer(
      #"{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,3],"data":[1,2,3]}],"outputs":[{"name":"y"}]}"#)
    #expect(response.status == 400 && response.text.contains("probabilities, logits"))
  }

  @Test func modelsDescribeThemselves() async {
    let server = await service.answer(.get, "/v2")
    #expect(server.json["name"]?.text == "aviary" && server.json["version"]?.text == "1.2.3")
    let pets = await service.answer(.get, "/v2/models/pets")
    #expect(pets.json["inputs"]?.elements?[0]["shape"]?.elements?.map(\.integer) == [-1, 3, 32, 32])
    #expect(pets.json["outputs"]?.elements?.map { $0["name"]?.text } == ["probabilities", "logits"])
    let ages = await service.answer(.get, "/v2/models/ages/versions/1")
    #expect(ages.json["outputs"]?.elements?.map { $0["name"]?.text } == ["values"])
    #expect((await service.answer(.get, "/v2/models/pets/config")).json["max_batch_size"]?.integer == 16)
    #expect((await service.answer(.get, "/v2/models/none/ready")).status == 404)
    #expect((await service.answer(.get, "/v2/models/pets/ready")).json["ready"]?.boolean == true)
    let index = await service.answer(.post, "/v2/repository/index")
    #expect(index.json.elements?.map { $0["name"]?.text } == ["pets", "kinds", "ages"])
    let models = await service.answer(.get, "/models")
    #expect(models.json["models"]?.elements?.map { $0["kind"]?.text } == ["images", "rows", "rows"])
    #expect((await service.answer(.get, "/v2/health/live")).json["live"]?.boolean == true)
    #expect((await service.answer(.get, "/v2/health/ready")).status == 200)
    service.isDraining = true
    #expect((await service.answer(.get, "/v2/health/ready")).status == 503)
  }

  /// Numbers of types that NumPy makes by itself are taken as FP32 is.
  @Test func rowsAreNumbersOfAnyType() async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: setting.folder)
    let width = try #require(
      (await service.answer(.get, "/v2/models/kinds")).json["inputs"]?.elements?.first?["shape"]?.elements?.last?
        .integer)
    let data = (0..<width).map { "\($0 % 2)" }.joined(separator: ",")
    func answer(_ type: String, _ data: String) async -> WebResponse {
      await service.post(
        "/v2/models/kinds/infer",
        #"{"inputs":[{"name":"input","datatype":"\#(type)","shape":[1,\#(width)],"data":[\#(data)]}]}"#)
    }
    let wanted = await answer("FP32", data)
    #expect(wanted.status == 200, "\(wanted.text)")
    for type in ["FP64", "INT64", "UINT8", "BOOL"] {
      #expect((await answer(type, data)).text == wanted.text, "\(type)")
    }
  }
}

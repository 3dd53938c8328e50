import Aviary
import AviaryArchives
import AviaryExplanations
import AviaryPictures
import Foundation
import Testing

@testable import AviaryServing

/// The routes without sockets, on small models.
@Suite struct RouteTests {
  private let folder: Scratch
  private let service: InferenceService
  private let predictor: ImagePredictor

  init() throws {
    folder = try Scratch()
    let images = try Toy.images()
    service = try Toy.service(
      ["pets": images, "kinds": try Toy.rows(), "ages": try Toy.rows(target: "age")], in: folder)
    predictor = try ImagePredictor(images, registry: .standard, path: "pets")
  }

  private func expected(_ shade: Int) throws -> [String: Float] {
    let image = try DecodedImage(decoding: Toy.jpeg(shade), named: "x")
    return Dictionary(uniqueKeysWithValues: try predictor.predict(image).map { ($0.name, $0.probability) })
  }

  // MARK: Plain routes

  @Test func aPhotographHasTheClassesThatPredictGives() async throws {
    let response = await service.answer(.post, "/predict?model=pets&top=9", Toy.jpeg(3))
    #expect(response.status == 200, "\(response.text)")
    #expect(response.json["model"]?.text == "pets" && response.json["version"]?.text == "1")
    let found = try #require(response.json["predictions"]?.elements)
    #expect(found.count == 1 && found[0]["image"]?.text == "image")
    #expect(try areClose(classes(found[0]["classes"]), expected(3)))
    // The likeliest first, and no more than are asked for.
    let best = await service.answer(
      .post, "/v1/models/pets:predict?top=1", headers: ["accept": "text/plain"], Toy.jpeg(3))
    let likeliest = try expected(3).max { $0.value < $1.value }
    #expect(best.text.hasSuffix(" \(likeliest!.key)\n") && best.text.split(separator: "\n").count == 1, "\(best.text)")
  }

  @Test func aFormMayHaveSeveralPhotographsAndOptions() async throws {
    var body: [UInt8] = []
    for (disposition, content) in [
      ("name=\"model\"", Array("pets".utf8)), ("name=\"a\"; filename=\"one.jpg\"", Toy.jpeg(1)),
      ("name=\"b\"; filename=\"zwei ü.jpg\"", Toy.jpeg(2)), ("name=\"top\"", Array("3".utf8)),
    ] {
      body += Array("--x\r\nContent-Disposition: form-data; \(disposition)\r\n\r\n".utf8) + content + Array("\r\n".utf8)
    }
    body += Array("--x--\r\n".utf8)
    let type = ["content-type": "multipart/form-data; boundary=\"x\""]
    let response = await service.answer(.post, "/predict", headers: type, body)
    let found = try #require(response.json["predictions"]?.elements, "\(response.text)")
    #expect(found.map { $0["image"]?.text } == ["one.jpg", "zwei ü.jpg"])
    #expect(try areClose(classes(found[0]["classes"]), expected(1)))
    #expect(try areClose(classes(found[1]["classes"]), expected(2)))
  }

  @Test func photographsInJSONAreKServesFirstProtocol() async throws {
    let text = Foundation.Data(Toy.jpeg(4)).base64EncodedString()
    let response = await service.post(
      "/v1/models/pets:predict", #"{"instances":[{"b64":"\#(text)"},{"image":{"b64":"\#(text)"}}]}"#)
    let found = try #require(response.json["predictions"]?.elements, "\(response.text)")
    #expect(try found.count == 2 && areClose(classes(found[1]["classes"]), expected(4)))
  }

  @Test func rowsHaveClassesOrNumbers() async throws {
    let rows = #"[{"age":1.5,"colour":"red"},{"age":null,"colour":"blue"},{"colour":"green","age":"3","extra":[]}]"#
    let response = await service.post("/predict?model=kinds", rows)
    let found = try #require(response.json["predictions"]?.elements, "\(response.text)")
    let checkpoint = try Toy.rows()
    let preparation = try TablePreprocessing(fitting: Toy.table, TableSettings(target: "kind"))
    let table = Table([
      .init("age", .numeric([1.5, nil, 3])), .init("colour", .categorical(["red", "blue", "green"])),
    ])
    let model = try Registry.zoo.classifier(from: checkpoint, path: "").model
    func probabilities(_ model: some Classifier) throws -> [[Float]] {
      ExamplePredictor(model, preparation).probabilities(try preparation.features(of: table))
    }
    let rowsThatCount = try preparation.features(of: table).rows
    for (place, row) in zip(rowsThatCount, try probabilities(model)) {
      #expect(found[place]["row"]?.integer == place)
      #expect(areClose(classes(found[place]["classes"]), ["a": row[0], "b": row[1]]))
    }
    #expect(found.count == 3 && rowsThatCount.count >= 2)

    let one = await service.post("/v1/models/ages:predict", #"{"instances":[{"colour":"red","kind":"a"}]}"#)
    #expect(one.json["predictions"]?.elements?[0]["value"]?.double?.isFinite == true, "\(one.text)")
  }

  @Test func datesAndIntervalsOfRowsArePreparedAsInTables() throws {
    let table = Table([
      .init("age", .numeric([1, 2, 3, 4])),
      .init("born", .categorical(["1.2.2001", "3.4.2002", "5.6.2003", "7.8.2004"])),
      .init("kind", .categorical(["a", "b", "a", "b"])),
    ])
    var settings = TableSettings(target: "kind")
    settings.dates = DateSettings(columns: ["born"], format: "%d.%m.%Y")
    settings.binning = TableSettings.Binning(bins: 2, strategy: .uniform)
    let preparation = try TablePreprocessing(fitting: table, settings)
    let rows = try JSONValue(
      parsing: #"[{"age":1.5,"born":"1.2.2001"},{"born":"9.9.1999","age":"9"},{"age":null,"born":"1.1.2003"}]"#)
    let expected = Table([
      .init("age", .numeric([1.5, 9, nil])), .init("born", .categorical(["1.2.2001", "9.9.1999", "1.1.2003"])),
    ])
    #expect(
      try TableRows(rows, limit: 3).features(for: preparation).values == preparation.features(of: expected).values)
    let wrong = try TableRows(try JSONValue(parsing: #"{"age":1,"born":"2001-02-01"}"#), limit: 1)
    #expect {
      try wrong.features(for: preparation)
    } throws: {
      "\($0)".contains("born") && "\($0)".contains("2001-02-01")
    }
  }

  @Test func whatRowsHaveThatTrainingHadNotIsSaid() async throws {
    let odd = await service.post(
      "/predict?model=kinds", #"[{"age":1,"colour":"green","extra":[]},{"age":2,"colour":"red","kind":"a"}]"#)
    #expect(odd.json["predictions"]?.elements?.count == 2, "\(odd.text)")
    #expect(
      odd.json["notes"]?.texts == [
        "column colour: 'green' is not a word that the network knows (1 row)",
        "column extra: the network does not know it, and it is not used",
      ], "\(odd.text)")
    let known = await service.post("/predict?model=kinds", #"{"age":1,"colour":"red"}"#)
    #expect(known.status == 200 && known.json["notes"] == nil, "\(known.text)")
  }

  /// Texts with numbers are those of the training's tables; numbers of JSON have points.
  @Test func numbersAreReadAsTrainingReadThem() throws {
    let table = try Table(csv: Array("rate;kind\n0,5;a\n1,25;b\n2,5;a\n1,5;b\n".utf8), path: "t.csv")
    let preparation = try TablePreprocessing(fitting: table, TableSettings(target: "kind"))
    let rows = try JSONValue(parsing: #"[{"rate":"1.333"},{"rate":1.333},{"rate":"0,5"}]"#)
    let expected = Table([.init("rate", .numeric([1333, 1.333, 0.5]))])
    #expect(
      try TableRows(rows, limit: 3).features(for: preparation).values == preparation.features(of: expected).values)
  }

  /// Texts with numbers are those of tables: Swift's own hexadecimal numbers are none.
  @Test func rowsAreReadAsTablesAre() async throws {
    let rows = try TableRows(
      JSONValue(parsing: #"[{"age":{"now":1,"then":{"a":"2"}},"colour":"red"},{"age":{}}]"#), limit: 2)
    #expect(rows.rows[0]["age.now"]?.integer == 1 && rows.rows[0]["age.then.a"]?.text == "2")
    #expect(rows.rows[0]["colour"]?.text == "red" && rows.rows[1].members?.isEmpty == true)
    #expect(throws: ServingFault.malformed("row 0 has two values for 'a.b'")) {
      try TableRows(JSONValue(parsing: #"{"a":{"b":1},"a.b":2}"#), limit: 1)
    }
    let plain = await service.post("/predict?model=kinds", #"{"age":"3e0","colour":"red"}"#)
    #expect(plain.status == 200, "\(plain.text)")
  }

  /// A request, its status, and what the line says.
  @Test(arguments: [
    ("/predict?model=kinds", #"{"colour":"red"}"#, 400, "'age'"),
    ("/predict?model=kinds", #"{"age":"x","colour":"red"}"#, 400, "finite number"),
    ("/predict?model=kinds", #"{"age":true,"colour":"red"}"#, 400, "'age' is true, and a finite number"),
    ("/predict?model=kinds", #"{"age":"0x1E","colour":"red"}"#, 400, "0x1E"),
    ("/predict?model=kinds", #"{"instances":[{"age":1,"colour":"red"}],"top":1}"#, 400, "'top' stands beside"),
    ("/predict?model=kinds", #"{"rows":[{"age":1,"colour":"red"}],"instances":[]}"#, 400, "'rows' stands beside"),
    ("/predict?model=kinds&top=1&top=2", #"{"age":1,"colour":"red"}"#, 400, "'top=2'"),
    ("/explain?model=pets&class=%zz", "{}", 400, "'class=%zz'"),
    ("/predict?model=kinds", #"{"age":1,"colour":[]}"#, 400, "text"), ("/predict?model=kinds", "[]", 400, "row"),
    ("/predict?model=kinds", "[1]", 400, "row"), ("/predict?model=kinds", "{", 400, "not JSON"),
    ("/predict?model=kinds", "", 400, "empty"),
    ("/predict?model=pets", #"{"age":1}"#, 415, "pictures"),
    ("/predict?model=pets", #"{"instances":[{"b64":"?"}]}"#, 400, "Base64"),
    ("/predict", "{}", 400, "pets, kinds, ages"), ("/predict?model=pet", "{}", 404, "did you mean 'pets'"),
    ("/predict?model=pets&top=0", #"{"instances":[]}"#, 400, "top"), ("/explain?model=kinds", "{}", 400, "rows"),
    ("/predict?model=kinds&topp=1", #"{"age":1,"colour":"red"}"#, 400, "did you mean 'top'?"),
    ("/v1/models/kinds:predict?model=ages", #"{"age":1,"colour":"red"}"#, 400, "unknown parameter 'model'"),
    ("/explain?model=pets&method=nope", "{}", 400, "gradcam"), ("/explain?model=pets&top=2", "{}", 400, "'top'"),
    ("/v2/models/pets/versions/2/infer", "{}", 404, "current one is 1"),
    ("/v2/models/pets/infer", "{}", 400, "no inputs"),
    ("/nothing", "{}", 404, "nothing at /nothing"), ("/metrics", "{}", 405, "GET"),
  ]) func whatIsWrongHasAStatusAndALine(_ target: String, _ body: String, _ status: Int, _ words: String) async {
    let response = await service.post(target, body)
    #expect(response.status == status && response.json["error"]?.text?.contains(words) == true, "\(response.text)")
  }

  @Test func picturesThatAreNoneAreRefused() async throws {
    for (bytes, status) in [(Array("GIF89a......".utf8), 415), ([1, 2, 3], 415), (Array(Toy.jpeg().prefix(200)), 400)] {
      let response = await service.answer(.post, "/predict?model=pets", bytes)
      #expect(response.status == status, "\(response.text)")
    }
    let strict = try Toy.service(["pets": try Toy.images()], in: folder) { $0.pixelLimit = 1199 }
    let response = await strict.answer(.post, "/predict", Toy.jpeg())
    #expect(response.status == 413 && response.text.contains("40x30 is more than the 1199 pixels"), "\(response.text)")
  }

  // MARK: Explanations

  @Test func theHeatMapIsThatOfTheExplainer() async throws {
    let image = predictor.preprocessing.sized(try DecodedImage(decoding: Toy.jpeg(5), named: "x"))
    let x = predictor.preprocessing.tensor(of: [image])
    func map(_ model: some Classifier) throws -> ClassActivationMap { try Explainer(model).gradCAM(x, .output(1)) }
    let expected = try map(predictor.model)
    let target = "/explain?model=pets&class=dog"
    let json = await service.answer(.post, target, headers: ["accept": "application/json"], Toy.jpeg(5))
    #expect(json.status == 200 && json.json["class"]?.text == "dog", "\(json.text)")
    #expect(json.json["layer"]?.text == expected.layer)
    let rows = json.json["map"]?.elements?.map { $0.elements?.compactMap(\.double) ?? [] } ?? []
    #expect(rows.count == expected.values.shape[1])
    let largest = expected.values.scalars.max() ?? 1
    for (found, wanted) in zip(rows.joined(), expected.values.scalars) {
      #expect(abs(Float(found) - wanted) <= 1e-4 * largest)
    }

    let png = await service.answer(.post, target, headers: ["accept": "image/png"], Toy.jpeg(5))
    #expect(png["Content-Type"] == "image/png" && png["X-Class"] == "dog")
    let picture = try DecodedImage(decoding: png.body, named: "map.png")
    let overlaid = Overlay.blended(
      image.pixels, resampled(expected.values, height: 32, width: 32).scalars, clipping: 0, isSigned: false)
    #expect(picture.width == 32 && picture.height == 32)
    #expect(zip(picture.pixels, overlaid).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
    let owl = await service.answer(.post, "/explain?model=pets&class=K%C3%A4uzchen", Toy.jpeg(5))
    #expect(owl["X-Class"] == "K%C3%A4uzchen" && owl["Content-Type"] == "image/png")
    let text = await service.answer(.post, target, headers: ["accept": "text/plain"], Toy.jpeg(5))
    #expect(text.text.hasPrefix("dog "))
    let unknown = await service.answer(.post, "/explain?model=pets&class=dig", Toy.jpeg(5))
    #expect(unknown.status == 400 && unknown.text.contains("did you mean 'dog'"))
    let isFlat = Set(expected.values.scalars).count == 1
    #expect((json.json["notes"] != nil) == isFlat && (png["X-Note"] != nil) == isFlat)
  }

  /// A head of zeros: nothing in the picture counts.
  @Test func aMapOfZerosIsSaid() async throws {
    var checkpoint = try Toy.images()
    let weights = try #require(checkpoint["fc.weight"])
    checkpoint.set(StoredArray([Float](repeating: 0, count: weights.count), shape: weights.shape), at: "fc.weight")
    let service = try Toy.service(["zeros": checkpoint], in: folder)
    let note = "the map is zero everywhere: by gradcam, nothing in the image counts for 'dog'"
    func explained(_ type: String) async -> WebResponse {
      await service.answer(.post, "/explain?class=dog", headers: ["accept": type], Toy.jpeg(5))
    }
    let json = await explained("application/json")
    #expect(json.json["notes"]?.texts == [note], "\(json.text)")
    #expect((await explained("text/plain")).text.hasSuffix("\n\(note)\n"))
    #expect((await explained("image/png"))["X-Note"]?.hasPrefix("the%20map%20is%20zero%20everywhere") == true)
  }

  @Test func aFieldThatIsThereTwiceIsRefused() async {
    let field = "--x\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n"
    let response = await service.answer(
      .post, "/predict?model=pets", headers: ["content-type": "multipart/form-data; boundary=x"],
      Array((field + field + "--x--\r\n").utf8))
    #expect(response.status == 400 && response.text.contains("'top' twice"), "\(response.text)")
  }

  // MARK: The Open Inference Protocol

  private func infer(_ json: String, _ binary: [UInt8] = []) async -> WebResponse {
    let text = Array(json.utf8)
    return await service.answer(
      .post, "/v2/models/pets/infer", headers: ["inference-header-content-length": "\(text.count)"], text + binary)
  }

  @Test func filesPixelsAndNumbersGiveTheSame() async throws {
    let wanted = try expected(6)
    let image = try DecodedImage(decoding: Toy.jpeg(6), named: "x")
    let numbers = predictor.preprocessing(image).scalars
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
      let response = await infer(
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
    let response = await infer(#"{"inputs":[{\#(input)}]}"#)
    #expect([400, 415].contains(response.status) && response.text.contains(words), "\(response.text)")
  }

  @Test func outputsThatAreNotThereAreNamed() async {
    let response = await infer(
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

  // MARK: Who may ask, and for how long

  @Test func withoutTheKeyNothingIsLearned() async throws {
    let closed = try Toy.service(["pets": try Toy.images()], in: folder) { $0.key = APIKey("k") }
    for target in ["/models", "/metrics", "/v2", "/v2/models/pets", "/nothing", "/v2/models/none"] {
      let response = await closed.answer(.get, target)
      #expect(response.status == 401 && response["WWW-Authenticate"] == "Bearer", "\(target)")
      #expect((await closed.answer(.get, target, headers: ["x-api-key": "k"])).status != 401)
    }
    for target in ["/", "/v2/health/live", "/v2/health/ready"] {
      #expect((await closed.answer(.get, target)).status == 200)
    }
  }

  @Test func bodiesAreBoundedBeforeTheyAreRead() throws {
    func fault(_ headers: [String: String], _ target: String = "/predict") -> ServingFault? {
      do throws(ServingFault) {
        _ = try service.admitted(RequestHead(.post, target, headers: headers))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault(["content-length": "16777217"]) == .bodyTooLarge(limit: 16 << 20))
    #expect(fault(["content-length": "16777216"]) == nil)
    #expect(fault(["content-encoding": "br"])?.status == 415)
    #expect(fault(["content-encoding": "gzip"]) == nil)
  }

  /// The same row as it is, by Python's `gzip.compress(…, mtime=0)`, and by `zlib.compress`.
  @Test func packedBodiesAreUnpackedWithinLimits() async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: folder) { $0.bodyLimit = 2000 }
    let row = #"{"age": 2, "colour": "blue"}"#
    let wanted = await service.post("/predict", row)
    #expect(wanted.status == 200, "\(wanted.text)")
    let gzip = try #require(Base64.decoded("H4sIAAAAAAACA6tWSkxPVbJSMNJRUErOz8kvLQJylJJySlOVagFfEHIoHAAAAA=="))
    let zlib = try #require(Base64.decoded("eJyrVkpMT1WyUjDSUVBKzs/JLy0CcpSSckpTlWoBdPUIYA=="))
    func answer(_ encoding: String, _ body: [UInt8], type: String = "application/json") async -> WebResponse {
      await service.answer(
        .post, "/predict", headers: ["content-type": type, "content-encoding": encoding], body)
    }
    for (encoding, body) in [("gzip", gzip), ("X-GZip", gzip), ("deflate", zlib), ("identity", Array(row.utf8))] {
      #expect((await answer(encoding, body)).text == wanted.text, "\(encoding)")
    }
    // Three thousand spaces, more than a body may have; bytes that are cut off; and another packing than is said.
    let spaces = try #require(Base64.decoded("H4sIAAAAAAACA+3BMQEAAADCoCrrn9IaHkABAADvBqyR8Be4CwAA"))
    for (encoding, body) in [("gzip", spaces), ("gzip", gzip.dropLast(12)), ("deflate", gzip)] {
      let response = await answer(encoding, Array(body))
      #expect(
        response.status == 400 && response.text.contains("no \(encoding) of up to 2000 bytes"), "\(response.text)")
    }
    #expect(service.bodies.usedBytes == 0)
  }

  /// `curl -d` calls JSON the fields of a form.
  @Test(arguments: ["", "application/x-www-form-urlencoded"]) func jsonNeedsNoName(_ type: String) async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: folder)
    let row = #"{"age": 2, "colour": "blue"}"#
    let wanted = await service.post("/predict", row)
    #expect(wanted.status == 200)
    for text in [row, " [\(row)]"] {
      let response = await service.answer(.post, "/predict", headers: ["content-type": type], Array(text.utf8))
      #expect(response.text == wanted.text)
    }
    #expect((await service.answer(.post, "/predict", headers: ["content-type": type], [65])).status == 415)
  }

  /// Numbers of types that NumPy makes by itself are taken as FP32 is.
  @Test func rowsAreNumbersOfAnyType() async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: folder)
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

  @Test func aRequestMayShortenItsTime() async throws {
    #expect(try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": "0.5"])).seconds == 0.5)
    #expect(try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": "1e9"])).seconds == 3600)
    for bad in ["0", "-1", "x", "nan", ""] {
      #expect(throws: ServingFault.self) {
        try service.deadline(RequestHead(.get, "/", headers: ["x-request-timeout": bad]))
      }
    }
    let late = await service.answer(.post, "/predict?model=pets", headers: ["x-request-timeout": "1e-9"], Toy.jpeg())
    #expect(
      late.status == 504 && late.json["error"]?.text == "there was no answer within 1e-09 s", "\(late.text)")
    #expect(ServingFault.deadline(seconds: 30).description == "there was no answer within 30 s")
    #expect(ServingFault.slowRequest(seconds: 0.25).description == "the request did not arrive within 0.25 s")
    let hurried = await infer(
      #"{"inputs":[{"name":"input","datatype":"UINT8","shape":[1,1,3],"data":[1,2,3]}],"parameters":{"timeout":1}}"#)
    #expect(hurried.status == 504, "\(hurried.text)")
  }

  @Test func thePageHasTheHashesOfItsPolicy() async throws {
    let page = await service.answer(.get, "/")
    let policy = try #require(page["Content-Security-Policy"])
    #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe"))
    for (text, directive) in [(Page.script, "script-src"), (Page.style, "style-src")] {
      let digits = try Digest.of(text.utf8, by: .sha256)
      let bytes = stride(from: 0, to: 64, by: 2).map { place in
        let start = digits.index(digits.startIndex, offsetBy: place)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)!
      }
      #expect(policy.contains("\(directive) 'sha256-\(Foundation.Data(bytes).base64EncodedString())'"))
      #expect(page.text.contains(text))
    }
    // Browsers ask for /favicon.ico where a page names no icon, or one that its policy refuses.
    #expect(page.text.contains(#"<link rel="icon" href="data:,">"#) && policy.contains("img-src 'self' blob: data:;"))
    for word in ["http://", "https://", " onclick", " style=", "innerHTML"] {
      #expect(!page.text.contains(word), "\(word)")
    }
  }
}

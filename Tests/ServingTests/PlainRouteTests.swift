import Aviary
import Foundation
import Testing

@testable import AviaryServing

/// What a person sends with curl, without sockets: photographs and rows, and their predictions.
@Suite struct PlainRouteTests {
  private let setting: RouteSetting
  private var service: InferenceService { setting.service }

  init() throws { setting = try RouteSetting() }

  @Test func aPhotographHasTheClassesThatPredictGives() async throws {
    let response = await service.answer(.post, "/predict?model=pets&top=9", Toy.jpeg(3))
    #expect(response.status == 200, "\(response.text)")
    #expect(response.json["model"]?.text == "pets" && response.json["version"]?.text == "1")
    let found = try #require(response.json["predictions"]?.elements)
    #expect(found.count == 1 && found[0]["image"]?.text == "image")
    #expect(try areClose(classes(found[0]["classes"]), setting.expected(3)))
    // The likeliest first, and no more than are asked for.
    let best = await service.answer(
      .post, "/v1/models/pets:predict?top=1", headers: ["accept": "text/plain"], Toy.jpeg(3))
    let likeliest = try setting.expected(3).max { $0.value < $1.value }
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
    #expect(try areClose(classes(found[0]["classes"]), setting.expected(1)))
    #expect(try areClose(classes(found[1]["classes"]), setting.expected(2)))
  }

  @Test func photographsInJSONAreKServesFirstProtocol() async throws {
    let text = Foundation.Data(Toy.jpeg(4)).base64EncodedString()
    let response = await service.post(
      "/v1/models/pets:predict", #"{"instances":[{"b64":"\#(text)"},{"image":{"b64":"\#(text)"}}]}"#)
    let found = try #require(response.json["predictions"]?.elements, "\(response.text)")
    #expect(try found.count == 2 && areClose(classes(found[1]["classes"]), setting.expected(4)))
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
    let strict = try Toy.service(["pets": try Toy.images()], in: setting.folder) { $0.pixelLimit = 1199 }
    let response = await strict.answer(.post, "/predict", Toy.jpeg())
    #expect(response.status == 413 && response.text.contains("40x30 is more than the 1199 pixels"), "\(response.text)")
  }

  @Test func aFieldThatIsThereTwiceIsRefused() async {
    let field = "--x\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n"
    let response = await service.answer(
      .post, "/predict?model=pets", headers: ["content-type": "multipart/form-data; boundary=x"],
      Array((field + field + "--x--\r\n").utf8))
    #expect(response.status == 400 && response.text.contains("'top' twice"), "\(response.text)")
  }

  /// `curl -d` calls JSON the fields of a form.
  @Test(arguments: ["", "application/x-www-form-urlencoded"]) func jsonNeedsNoName(_ type: String) async throws {
    let service = try Toy.service(["kinds": try Toy.rows()], in: setting.folder)
    let row = #"{"age": 2, "colour": "blue"}"#
    let wanted = await service.post("/predict", row)
    #expect(wanted.status == 200)
    for text in [row, " [\(row)]"] {
      let response = await service.answer(.post, "/predict", headers: ["content-type": type], Array(text.utf8))
      #expect(response.text == wanted.text)
    }
    #expect((await service.answer(.post, "/predict", headers: ["content-type": type], [65])).status == 415)
  }
}

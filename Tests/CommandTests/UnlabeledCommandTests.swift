import Foundation
import Testing

/// train, evaluate, predict, features and sample with networks that learn without labels.
@Suite struct UnlabeledCommandTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: scratch / name))
  }

  private func run(_ arguments: String...) throws -> BuiltTool.Outcome {
    try BuiltTool.run(arguments, in: scratch.path)
  }

  @Test func images() throws {
    #expect(try run("sample-images", "pets", "--count", "20", "--size", "40").status == 0)
    let trained = try run(
      "train", "rbm", "--data", "pets", "--image-size", "10", "--set", "hidden=8", "--set", "chains=4", "--set",
      "steps=2", "--epochs", "1", "--momentum", "0.7", "--output", "run", "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("pseudo-likelihood -"))
    #expect(try trained.json()["test_pseudo_likelihood"] as? Double != nil)
    let options = try String(contentsOfFile: scratch / "run/options.json", encoding: .utf8)
    #expect(options.contains("\"momentum\" : 0.7") && options.contains("visible_bias"))
    let evaluated = try run("evaluate", "run", "--data", "pets", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try evaluated.json()["loss"] as? Double == trained.json()["test_loss"] as? Double)
    #expect(try evaluated.json()["free_energy"] as? Double != nil && evaluated.json()["part"] as? String == "test")
    let predicted = try run("predict", "run", "pets/test/cat", "none.jpg", "--json")
    #expect(predicted.status == 1 && predicted.errors.contains("none.jpg"))
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(answers.count == 3 && answers[0]["free_energy"] != nil && answers[2]["error"] != nil)
    let features = try run("features", "run", "--data", "pets", "--output", "units.h5", "--reconstructions")
    #expect(features.status == 0 && features.output.contains("20 images, 8 numbers each"), "\(features.errors)")
    let tensors = try run("inspect", "units.h5").output
    #expect(tensors.contains("reconstructions") && tensors.contains("free_energies"))
    for name in ["drawn.jpg", "drawn.npz"] {
      let drawn = try run("sample", "run", "--count", "5", "--steps", "3", "--output", name)
      #expect(drawn.output.contains("5 samples, after 3 steps"), "\(drawn.errors)")
    }
    #expect(try run("inspect", "drawn.npz").output.contains("[5, 1, 10, 10]"))
    expectFault(try run("sample", "run", "--output", "drawn.csv"), "drawn.csv", ".npz or .jpg")
    #expect(try run("sample", "run").status == 64)
    expectFault(try run("quantize", "run", "--data", "pets", "--output", "q.h5"), "learns without labels")
  }

  @Test func columns() throws {
    var rows: [String] = []
    for row in 0..<60 {
      let other = row % 3 == 0 ? "blue" : "white"
      rows.append(row % 2 == 0 ? "5.\(row % 7),1,red" : "1.\(row % 5),0,\(other)")
    }
    try write("size,wild,colour\n" + rows.joined(separator: "\n") + "\n", to: "flowers.csv")
    let trained = try run(
      "train", "rbm", "--data", "flowers.csv", "--set", "hidden=4", "--epochs", "20", "--lr", "0.05", "--output", "run")
    #expect(trained.status == 0 && trained.output.contains("test loss"), "\(trained.errors)")
    let evaluated = try run("evaluate", "run", "--data", "flowers.csv", "--json")
    #expect(try evaluated.json()["rows"] as? Int == 6 && evaluated.json()["pseudo_likelihood"] is NSNull)
    try write("colour,size,wild\n,5.2,1\nblue,5.2,0\n", to: "new.csv")
    let predicted = try run("predict", "run", "new.csv", "--json")
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]], "\(predicted.errors)")
    #expect(answers.count == 2 && (answers[0]["reconstruction"] as? [String: Any])?["colour"] as? String == "red")
    #expect(try run("sample", "run", "--count", "3", "--output", "rows.csv", "--steps", "5").status == 0)
    let drawn = try String(contentsOfFile: scratch / "rows.csv", encoding: .utf8).split(separator: "\n")
    #expect(drawn.count == 4 && drawn[0] == "size,wild,colour")
    for (option, value) in [("--temperature", "0.5"), ("--length", "9"), ("--prompt", "a"), ("--top-k", "3")] {
      let refused = try run("sample", "run", "--output", "rows.csv", option, value)
      #expect(refused.status != 0 && refused.errors.contains("\(option) is for text"), "\(refused.errors)")
    }
    #expect(try run("train", "rbm", "--data", "flowers.csv", "--target", "wild", "--output", "x").status == 64)
    expectFault(try run("predict", "run", "new.csv", "--user", "a"), "--user")
    let features = try run("features", "run", "--data", "new.csv", "--output", "units.h5")
    #expect(features.output.contains("features of 2 rows, 4 numbers each"), "\(features.errors)")
    #expect(try run("inspect", "units.h5").output.contains("free_energies"))
  }

  @Test func ratings() throws {
    var text = "user,item,rating,when\n"
    for user in 0..<40 {
      for item in 0..<8 where (user * 7 + item * 3) % 5 < 4 {
        let rating = user % 2 == item % 2 ? 5 : 1 + (user * item) % 2
        text += "u\(user),i\(item),\(rating),9\n"
      }
    }
    try write(text, to: "ratings.csv")
    let trained = try run(
      "train", "rbm", "--data", "ratings.csv", "--ratings", "user,item,rating", "--set", "hidden=6", "--epochs", "25",
      "--batch-size", "8", "--output", "run")
    #expect(trained.status == 0 && trained.output.contains("test RMSE"), "\(trained.errors)")
    let evaluated = try run("evaluate", "run", "--data", "ratings.csv", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let (own, items) = (try evaluated.json()["rmse"] as? Double, try evaluated.json()["item_mean_rmse"] as? Double)
    #expect(try #require(own) < 0.7 * (try #require(items)), "\(evaluated.output)")
    #expect(try evaluated.json()["median_absolute_error"] is Double, "\(evaluated.output)")
    #expect(try evaluated.json()["mae"] != nil && evaluated.json()["global_mean_rmse"] != nil)
    #expect(try run("evaluate", "run", "--data", "ratings.csv").output.contains("each item's mean"))
    try write("user,item,rating\nanna,i0,5\nanna,i1,1\nanna,i2,\nanna,i9,\n", to: "asked.csv")
    let predicted = try run("predict", "run", "asked.csv", "--json")
    #expect(predicted.status == 1 && predicted.errors.contains("row 5: the network does not know the item 'i9'"))
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect(try #require(answers[0]["rating"] as? Double) > 3.5 && answers[0]["item"] as? String == "i2")
    try write("user,item,rating\nanna,i0,5\nanna,i1,1\nben,i1,5\n", to: "known.csv")
    let recommended = try run("predict", "run", "known.csv", "--top", "2", "--user", "anna", "--json")
    let best = try #require(try recommended.json()["predictions"] as? [[String: Any]])
    let names = (best[0]["items"] as? [[String: Any]])?.compactMap { $0["item"] as? String } ?? []
    #expect(
      best.count == 1 && names.count == 2 && Set(names).isSubset(of: ["i2", "i4", "i6"]), "\(recommended.output)")
    expectFault(try run("predict", "run", "known.csv", "--user", "eve"), "no user 'eve'")
    try write("user,item,rating\nanna,i0,9\n", to: "outside.csv")
    expectFault(try run("predict", "run", "outside.csv"), "row 2, column rating: 9 is not one of the")
    expectFault(try run("evaluate", "run", "--data", "outside.csv"), "9 is not one of the")
    try write(text + "u1,i1,5,9\n", to: "twice.csv")
    expectFault(
      try run("train", "rbm", "--data", "twice.csv", "--ratings", "user,item,rating", "--output", "x"), "has rated 'i1'"
    )
    #expect(try run("train", "rbm", "--data", "ratings.csv", "--ratings", "user,item", "--output", "x").status == 64)
  }

  @Test func topics() throws {
    let (sport, kitchen) = (["goal", "team", "match", "coach"], ["salt", "oven", "butter", "dough"])
    var rows: [String] = []
    for row in 0..<60 {
      let kind = row % 2 == 0 ? sport : kitchen
      let words = (0..<10).map { place -> String in kind[(row * 3 + place * 5 + place / 3) % 4] }
      rows.append(words.joined(separator: " "))
    }
    try write("text\n" + rows.joined(separator: "\n") + "\n", to: "texts.csv")
    let trained = try run(
      "train", "rbm", "--data", "texts.csv", "--text", "text", "--set", "hidden=2", "--epochs", "30", "--batch-size",
      "10", "--vocabulary", "100", "--output", "run")
    #expect(trained.status == 0, "\(trained.errors)")
    let evaluated = try run("evaluate", "run", "--data", "texts.csv", "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let loss = try #require(try evaluated.json()["loss"] as? Double)
    #expect(loss < (try #require(try evaluated.json()["baseline_loss"] as? Double)) - 0.3)
    #expect((try evaluated.json()["topics"] as? [[String]])?.count == 2)
    #expect(try run("inspect", "run").output.contains("topic 1: "))
    try write("text\nThe TEAM scored a goal\n12 ...\n", to: "new.csv")
    let predicted = try run("predict", "run", "new.csv", "--json")
    #expect(predicted.status == 1 && predicted.errors.contains("new.csv row 3: no word of it is in the vocabulary"))
    let answers = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    #expect((answers[0]["topics"] as? [[String: Any]])?.count == 2)
    expectFault(try run("sample", "run", "--output", "s.npz"), "counts words")
    // The same as counts.
    var counts: [String] = []
    for row in rows {
      let words = row.split(separator: " ").map(String.init)
      counts.append((sport + kitchen).map { word -> String in "\(words.count { $0 == word })" }.joined(separator: ","))
    }
    try write((sport + kitchen).joined(separator: ",") + "\n" + counts.joined(separator: "\n") + "\n", to: "counts.csv")
    let counted = try run(
      "train", "rbm", "--data", "counts.csv", "--set", "units=counts", "--set", "hidden=2", "--epochs", "2", "--output",
      "counted")
    #expect(counted.status == 0 && counted.errors.contains("8 different ones counted"), "\(counted.errors)")
  }
}

import Aviary

extension TablePredictions {
  /// Predicts the label of each token of the texts in a file.
  mutating func add(_ path: String, _ predictor: TagPredictor, _ model: some Network) {
    do throws(TableFault) {
      let table = try predictor.preprocessing.table(csv: path)
      for remark in predictor.preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let (texts, words) = try predictor.preprocessing.texts(of: table)
      for remark in texts.remarks { tell("\(path): \(remark)") }
      let answers = zip(words, predictor.answers(texts)).map { words, tags -> Answer in
        guard let tags else { return .notFinite }
        return .found(
          line: zip(words, tags).map { "\($0)/\($1.tag)" }.joined(separator: " "),
          value: .members(["tokens": .texts(words), "tags": .texts(tags.map(\.tag))]))
      }
      add(path, table, rows: texts.rows, answers, model)
    } catch {
      add(error, path)
    }
  }

  /// Writes the texts for those in a column of a file.
  mutating func add(
    _ path: String, _ writer: TextWriter<TextSequences>, _ preprocessing: TranslationPreprocessing, beam: Int,
    _ model: some Network
  ) {
    do throws(TableFault) {
      let table = try preprocessing.table(csv: path)
      for remark in preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let texts = try preprocessing.texts(of: table)
      for remark in texts.remarks { tell("\(path): \(remark)") }
      let answers = (0..<texts.count).map { Self.answer(writer.text(about: texts, at: $0, beam: beam)) }
      add(path, table, rows: texts.rows, answers, model)
    } catch {
      add(error, path)
    }
  }

  /// Writes the texts for the rows of a file.
  mutating func add(
    _ path: String, _ writer: TextWriter<TableFeatures>, _ preprocessing: GenerationPreprocessing, beam: Int,
    _ model: some Network
  ) {
    do throws(TableFault) {
      let table = try preprocessing.table(csv: path)
      for remark in preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let features = try preprocessing.rows.features(of: table)
      for remark in features.remarks { tell("\(path): \(remark)") }
      let answers = (0..<features.count).map { Self.answer(writer.text(about: features, at: $0, beam: beam)) }
      add(path, table, rows: features.rows, answers, model)
    } catch {
      add(error, path)
    }
  }

  private static func answer(_ written: (text: String, score: Double)?) -> Answer {
    guard let written else { return .notFinite }
    return .found(
      line: written.text, value: .members(["text": .text(written.text), "log_probability": .real(written.score)]))
  }
}

"""Label configs of Label Studio's template gallery for text, without styles: title → label config.

Of the chatbot's ten questions with the same choices, two are here.
"""

YES_OR_NO = '<Choice value="Yes"/><Choice value="No"/>'

GALLERY = {
    "Text Classification": """
        <View>
          <Text name="text" value="$text"/>
          <View>
            <Header value="Choose text sentiment"/>
            <Choices name="sentiment" toName="text" choice="single" showInLine="true">
              <Choice value="Positive"/><Choice value="Negative"/><Choice value="Neutral"/>
            </Choices>
          </View>
        </View>""",
    "Content Moderation": """
        <View>
          <Text name="text" value="$text"/>
          <Choices name="content_moderation" toName="text" choice="multiple" showInline="false">
            <Choice value="Toxic" background="red"/><Choice value="Severely Toxic" background="brown"/>
            <Choice value="Obscene" background="green"/><Choice value="Threat" background="blue"/>
            <Choice value="Insult" background="orange"/><Choice value="Hate" background="grey"/>
          </Choices>
          <View>
            <Header value="Please provide additional comments"/>
            <TextArea name="comments" toName="text" required="false"/>
          </View>
        </View>""",
    "Taxonomy": """
        <View>
          <Text name="text" value="$text"/>
          <Taxonomy name="taxonomy" toName="text">
            <Choice value="Archaea" />
            <Choice value="Bacteria" />
            <Choice value="Eukarya">
              <Choice value="Human" /><Choice value="Oppossum" /><Choice value="Extraterrestial" />
            </Choice>
          </Taxonomy>
        </View>""",
    "Two-Level Sentiment Analysis": """
        <View>
          <View>
            <View><Header name="username" value="John Doe" /><Text name="handle" value="@johndoe" /></View>
            <View><Text name="tweet" value="$tweet" /></View>
          </View>
          <Choices name="sentiment" toName="tweet" choice="single">
            <Choice value="Positive" hint="Click on it if it says something nice or good" />
            <Choice value="Neutral" hint="Click on it if overall it doesn't express any sentiment" />
            <Choice value="Negative" hint="Click on if it says something bad or unpleasant" />
          </Choices>
          <Choices name="other-props" toName="tweet" choice="multiple" showInLine="true"
                   visibleWhen="choice-selected" whenTagName="sentiment">
            <View><Header value="Other properties of the post" /></View>
            <Choice value="Descriptive" /><Choice value="Emotional" /><Choice value="Mixed" />
            <Choice value="Ambigous" /><Choice value="Sarcams" />
          </Choices>
        </View>""",
    "Intent Classification and Slot Filling": """
        <View>
          <ParagraphLabels name="entity_slot" toName="dialogue">
            <Label value="Person" /><Label value="Organization" /><Label value="Location" />
          </ParagraphLabels>
          <Paragraphs name="dialogue" value="$humanMachineDialogue" layout="dialogue" />
          <Choices name="intent" toName="dialogue" choice="single" showInLine="true">
            <Choice value="Greeting"/><Choice value="Customer request"/><Choice value="Small talk"/>
          </Choices>
        </View>""",
    "Response Selection": """
        <View>
          <Paragraphs name="prg" value="$humanMachineDialogue" layout="dialogue" />
          <Header value="Choose response" />
          <View>
            <Text name="resp1" value="$respone" />
            <Text name="resp2" value="$resptwo" />
            <Text name="resp3" value="$respthree" />
          </View>
          <Choices name="resp" toName="prg" required="true">
            <Choice value="One" /><Choice value="Two" /><Choice value="Three" />
          </Choices>
        </View>""",
    "Document Retrieval": """
        <View>
          <Text name="query" value="$query" />
          <Header value="Select document related to the query:" />
          <View>
            <Text name="text1" value="$text1" />
            <Text name="text2" value="$text2" />
            <Text name="text3" value="$text3" />
          </View>
          <Choices name="selection" toName="query" required="true" choice="multiple">
            <Choice value="One" /><Choice value="Two" /><Choice value="Two" />
          </Choices>
        </View>""",
    "Chatbot Model Assessment": f"""
        <View>
          <Paragraphs name="dialogue" value="$messages" layout="dialogue" nameKey="role" textKey="content" />
          <Header value="Overall quality Likert scale; 1-7" size="8" />
          <Rating name="likert_scale" maxRating="7" />
          <Header value="Fails to follow the correct instruction / task" size="8" />
          <Choices name="fails_to_follow" toName="dialogue" choice="single-radio">{YES_OR_NO}</Choices>
          <Header value="Hallucination" size="8" />
          <Choices name="hallucination" toName="dialogue" choice="single-radio">{YES_OR_NO}</Choices>
        </View>""",
    "LLM Response Grading": """
        <View>
          <Header value="Long Document"/><Text name="document" value="$document"/>
          <Header value="Short Summary"/><Text name="summary" value="$summary"/>
          <Header value="Rate the Document Summary:"/>
          <Rating name="rating" toName="summary" required="true"/>
        </View>""",
    "Search Page Ranking": """
        <View>
          <Text name="text" value="$text"/>
          <Choices name="dynamic_choices" toName="text" selection="checkbox" value="$options" layout="vertical"
                   choice="multiple" allownested="true"/>
          <Header value="Search Quality"/>
          <Rating name="relevance" toName="text"/>
          <Header value="Labeling Confidence"/>
          <Choices name="confidence" toName="text" choice="single" showInLine="true">
            <Choice value="Low" html="&lt;img width='40' src='down.png'/&gt;"/>
            <Choice value="High" html="&lt;img width='40' src='up.png'/&gt;"/>
          </Choices>
        </View>""",
    "Pairwise Classification": """
        <View>
          <Header>Select one of two items</Header>
          <Pairwise name="pw" toName="text1,text2" />
          <Text name="text1" value="$pairText1" />
          <Text name="text2" value="$pairText2" />
        </View>""",
    "Human Preference collection for RLHF": """
        <View>
          <Text name="prompt" value="$prompt" />
          <Pairwise name="comparison" toName="answer1,answer2" />
          <Text name="answer1" value="$answer1" />
          <Text name="answer2" value="$answer2" />
        </View>""",
    "LLM Ranker": """
        <View>
          <Text name="task" value="$task"/>
          <Text name="prompt" value="$prompt"/>
          <List name="answers" value="$items" title="All Results" />
          <Ranker name="rank" toName="answers">
            <Bucket name="relevant_results" title="Relevant Results" />
            <Bucket name="biased_results" title="Biased Results" />
          </Ranker>
        </View>""",
    "Named Entity Recognition": """
        <View>
          <Labels name="label" toName="text">
            <Label value="PER" background="red"/><Label value="ORG" background="darkorange"/>
            <Label value="LOC" background="orange"/><Label value="MISC" background="green"/>
          </Labels>
          <Text name="text" value="$text"/>
        </View>""",
    "HTML Entity Recognition": """
        <View>
          <HyperTextLabels name="ner" toName="text">
            <Label value="Title" background="green"/><Label value="Author" background="blue"/>
          </HyperTextLabels>
          <View><HyperText name="text" value="$html"/></View>
        </View>""",
    "Question Answering": """
        <View>
          <Header value="Please read the passage" />
          <Text name="text" value="$text" granularity="word"/>
          <Header value="Select a text span answering the following question:"/>
          <Text name="question" value="$question"/>
          <Labels name="answer" toName="text"><Label value="Answer" maxUsage="1" background="red"/></Labels>
        </View>""",
    "Machine Translation": """
        <View>
          <Header value="Read the sentence in English" /><Header value="Provide translation in Spanish" />
          <Text name="english" value="$english" />
          <TextArea name="spanish" toName="english" transcription="true" maxSubmissions="1" required="true"/>
        </View>""",
    "Pairwise Regression": """
        <View>
          <Header>Set how likely it is that these images represent the same thing:</Header>
          <Rating name="rating" toName="image1,image2"/>
          <Image name="image1" value="$image1" />
          <Image name="image2" value="$image2" />
        </View>""",
}

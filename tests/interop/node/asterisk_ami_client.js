// asterisk-ami-client against a running server: port, then user and secret. Prints the names of the events that it saw.
const AmiClient = require('asterisk-ami-client');
const [port, user, secret] = process.argv.slice(2);
const seen = [];

function fail(what) { console.error(what, JSON.stringify(seen)); process.exit(1); }
setTimeout(() => fail('it took too long'), 80000);

function event(client, fits) {
  return new Promise((resolve) => {
    const look = (one) => {
      if (fits(one)) { client.removeListener('event', look); resolve(one); }
    };
    client.on('event', look);
  });
}

async function follow() {
  const client = new AmiClient({ reconnect: false, addTime: true, eventTypeInLowerCase: false });
  client.on('event', (one) => seen.push(one.Event));
  await client.connect(user, secret, { host: '127.0.0.1', port: Number(port) });
  const answered = event(client, (one) => one.Event === 'OriginateResponse');
  client.action({ Action: 'Originate', Channel: 'Local/1@phones/n', Context: 'phones', Exten: '1', Priority: '1', Async: 'true', Variable: 'FOO=bar' });
  const { Channel: channel } = await answered;
  const value = await client.action({ Action: 'Getvar', Channel: channel, Variable: 'FOO' }, true);
  if (value.Value !== 'bar') fail(`FOO is ${value.Value}`);
  const arrived = event(client, (one) => one.Event === 'UserEvent' && one.Where === '2');
  client.action({ Action: 'Redirect', Channel: channel, Context: 'phones', Exten: '2', Priority: '1' });
  await arrived;
  const other = channel.slice(0, -1) + (channel.endsWith('1') ? '2' : '1');  // else the next one sees its end
  const gone = Promise.all([channel, other].map((name) => event(client, (one) => one.Event === 'Hangup' && one.Channel === name)));
  client.action({ Action: 'Hangup', Channel: channel });
  await gone;
  client.disconnect();
}

follow().then(follow).then(() => { console.log(seen.join(' ')); process.exit(0); }, (error) => fail(String(error)));
